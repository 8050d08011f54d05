import { createServer } from 'node:http';

// A receiver of webhooks on loopback, on the port that is its first argument: prints `listening`, then for each message a line
// of JSON with when it came (milliseconds since the epoch), the path it was sent to, and what it says.

createServer((request, response) => {
  const at = Date.now();
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => {
    console.log(JSON.stringify({ at, to: request.url, says: JSON.parse(body) }));
    response.end();
  });
}).listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));

process.stdin.resume().on('close', () => process.exit(0));
