#!/usr/bin/env node
// Stands in for Grafana where a test needs only that one is started: writes how, and answers its health check. Told to by a
// request for /die, it ends as a program that breaks.
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

const { GF_PATHS_DATA, GF_SERVER_HTTP_ADDR, GF_SERVER_HTTP_PORT } = process.env;
const settings = Object.entries(process.env).filter(([name]) => /^(?:GF|MPTCP)_/.test(name));
writeFileSync(
  `${GF_PATHS_DATA}.json`,
  JSON.stringify({ args: process.argv.slice(2), settings: Object.fromEntries(settings) }),
);
createServer(({ url }, response) => {
  response.writeHead(url === '/api/health' ? 200 : 404).end();
  if (url !== '/die') return;
  console.log('level=error msg="the database is on fire"');
  process.exit(3);
}).listen(Number(GF_SERVER_HTTP_PORT), GF_SERVER_HTTP_ADDR);
