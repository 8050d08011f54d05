import { z } from 'zod';
import { section } from '../../exporter/src/config/section.ts';

// Messages name keys and what was expected, never the value: most of these are secrets.

const text = (expected: string, pattern = /\S/) =>
  z.string().refine((value) => pattern.test(value), { error: `expected ${expected}` });

const url = text('a URL that begins with http:// or https://', /^https?:\/\/[^\s/]+\S*$/);

/** What prometheus/secrets/receivers.yml says: whom to tell, each way at most once. */
export const receiversSchema = section({
  email: section({
    to: text('an address, or several separated by commas', /^[^\s@]+@[^\s@]+$|,/),
    from: text('an address', /@/),
    smarthost: text('host:port, such as smtp.example.org:587', /^\S+:\d+$/),
    username: text('a name').optional(),
    password: text('a password').optional(),
    require_tls: z.boolean().default(true),
  }).optional(),
  webhook: section({ url, token: text('a token').optional() }).optional(),
  ntfy: section({
    url: text('the URL of a topic, such as https://ntfy.sh/my-topic', /^https?:\/\/[^\s/]+\/[^\s?]+$/),
    token: text('a token').optional(),
  }).optional(),
  telegram: section({
    bot_token: text('a token of @BotFather, digits:letters', /^\d+:\S+$/),
    chat_id: z.int(),
  }).optional(),
  heartbeat: section({ url }).optional(),
});

/** Whom to tell; all of it may be absent. */
export type Receivers = z.infer<typeof receiversSchema>;
