/**
 * Aborts with `signal`, or with a TimeoutError after so many seconds. What `AbortSignal.any` makes of an `AbortSignal.timeout`
 * may never abort in Node.js 20, for the garbage collector takes the timeout that nothing else holds; a timer holds this one.
 */
export function patience(signal: AbortSignal, seconds: number): AbortSignal {
  const controller = new AbortController();
  const late = () => controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
  const timer = setTimeout(late, seconds * 1000).unref();
  const follow = () => {
    clearTimeout(timer);
    controller.abort(signal.reason);
  };
  if (signal.aborted) follow();
  else signal.addEventListener('abort', follow, { once: true });
  return controller.signal;
}
