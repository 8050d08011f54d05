import { DEFAULT_LISTEN_ADDRESS } from '../../config/defaults.ts';
import { formatListenAddress } from '../../config/listen-address.ts';
import { ExporterError } from '../../errors.ts';

/** Where an exporter listens by default. */
export const EXPORTER_URL = `http://${formatListenAddress(DEFAULT_LISTEN_ADDRESS)}`;

const ANSWER_MS = 5000;
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * The exposition of the exporter at `url`. Throws ExporterError: `connection_refused` when nothing listens there, `timeout`,
 * `output_too_large`, and `malformed` for an answer that is not an mptcp-exporter's metrics (it may want a user, or be another program).
 */
export async function fetchExposition(url: string): Promise<string> {
  let answer: Response;
  try {
    answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
    const text = await bounded(answer);
    if (answer.ok && text.includes('\nmptcp_exporter_build_info{')) return text;
  } catch (caught) {
    if (caught instanceof ExporterError) throw caught;
    const timedOut = caught instanceof Error && caught.name === 'TimeoutError';
    if (timedOut)
      throw new ExporterError('timeout', `nothing answers at ${url} within ${ANSWER_MS} ms`, { cause: caught });
    throw new ExporterError('connection_refused', `nothing answers at ${url}`, { cause: caught });
  }
  throw new ExporterError(
    'malformed',
    `what answers at ${url} shows no metrics of an mptcp-exporter (HTTP ${answer.status})`,
  );
}

async function bounded(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.length;
    if (size > MOST_BYTES)
      throw new ExporterError('output_too_large', `the exporter answers more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
