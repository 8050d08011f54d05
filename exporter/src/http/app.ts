import express, { type Express, type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { oneLine } from '../config/words.ts';
import { asExporterError, type ErrorCode } from '../errors.ts';
import { answer, answerLine } from './answer.ts';
import { bcryptMatches } from './bcrypt.ts';
import { basicCredentials, type CheckCredentials, credentialsChecker } from './credentials.ts';
import { metricsRoute, type Scrape } from './metrics-route.ts';
import { PAGE_POLICY, type PageModel, renderPage } from './page.ts';
import type { WebConfig } from './web-config.ts';

/** What the HTTP side needs from the rest. */
export interface AppDependencies {
  readonly scrape: Scrape;
  /** Whether there is something to scrape yet. */
  ready(): boolean;
  page(): PageModel;
  readonly webConfig?: WebConfig;
  /** Hears of every error that a request met. */
  count(code: ErrorCode): void;
}

/** The express application: `/metrics`, `/-/healthy`, `/-/ready` and the landing page, with authentication if configured. */
export function createApp(dependencies: AppDependencies): Express {
  const app = guardedApp(dependencies.webConfig);
  app.get('/metrics', metricsRoute(dependencies.scrape));
  app.get('/-/healthy', (_, response) => answerLine(response, 200, 'Healthy'));
  app.get('/-/ready', (_, response) => {
    if (dependencies.ready()) answerLine(response, 200, 'Ready');
    else answerLine(response, 503, 'Not ready: the kernel has not been read yet');
  });
  app.get('/', (_, response) => {
    const page = renderPage(dependencies.page());
    response.set({ 'Content-Security-Policy': PAGE_POLICY, 'Referrer-Policy': 'no-referrer' });
    answer(response, 200, 'text/html; charset=utf-8', page);
  });
  app.use((_, response) => answerLine(response, 404, 'Not found. There are /, /metrics, /-/healthy and /-/ready'));
  app.use(failed(dependencies.count));
  return app;
}

/** The application of a reflector's metrics: `/metrics` and `/-/healthy`, with authentication if configured. */
export function createMetricsApp({
  scrape,
  webConfig,
  count,
}: Pick<AppDependencies, 'scrape' | 'webConfig' | 'count'>): Express {
  const app = guardedApp(webConfig);
  app.get('/metrics', metricsRoute(scrape));
  app.get('/-/healthy', (_, response) => answerLine(response, 200, 'Healthy'));
  app.use((_, response) => answerLine(response, 404, 'Not found. There are /metrics and /-/healthy'));
  app.use(failed(count));
  return app;
}

function guardedApp(webConfig: WebConfig | undefined): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.enable('strict routing');
  app.enable('case sensitive routing');

  app.use(readOnly);
  const users = webConfig?.users;
  if (users !== undefined && users.size > 0) app.use(authenticated(credentialsChecker(users, bcryptMatches)));
  return app;
}

/** There is nothing here to change. */
function readOnly(request: Request, response: Response, next: NextFunction): void {
  if (request.method === 'GET' || request.method === 'HEAD') next();
  else {
    response.set('Allow', 'GET, HEAD');
    answerLine(response, 405, 'Method not allowed. Use GET or HEAD');
  }
}

/** Lets only users with the right password through (RFC 7617). */
function authenticated(check: CheckCredentials): RequestHandler {
  return async (request, response, next) => {
    const credentials = basicCredentials(request.get('Authorization'));
    if (credentials !== undefined && (await check(credentials, request.socket.remoteAddress ?? ''))) {
      next();
      return;
    }
    response.set('WWW-Authenticate', 'Basic realm="mptcp-exporter", charset="UTF-8"');
    answerLine(response, 401, 'Unauthorized. Use a name and password from basic_auth_users');
  };
}

/** Turns whatever a handler threw into one counted line. */
function failed(count: AppDependencies['count']) {
  // express tells an error handler by its four parameters.
  return (caught: unknown, _request: Request, response: Response, _next: NextFunction): void => {
    const error = asExporterError(caught);
    count(error.code);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    response.removeHeader('Content-Encoding');
    if (error.code === 'overloaded') response.set('Retry-After', '1');
    answerLine(response, error.code === 'overloaded' ? 503 : 500, oneLine(error.line));
  };
}
