// The peer of TestNode…: node node.js serve PORT | put|get|post PORT [SIZE] [BLOCK] | observe PORT COUNT
'use strict'
const coap = require('coap')
const [verb, port, ...rest] = process.argv.slice(2)

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz\n'
const text = (n) => Buffer.from(Array.from({ length: n }, (_, i) => alphabet.charCodeAt((i + Math.floor(i / 64)) % 37)))

function fail (why) {
  console.error(why)
  process.exit(1)
}

function request (method, then, body, block, options = {}) {
  const r = coap.request({ host: '127.0.0.1', port: Number(port), pathname: '/shelf', method, ...options })
  if (block) {
    r.setOption(body ? 'Block1' : 'Block2', Buffer.of(Math.log2(block) - 4))
  }
  r.on('response', then)
  r.on('error', (e) => fail(e.message))
  r.end(body)
}

const [size, block] = rest.map(Number)
switch (verb) {
  case 'put':
    request('PUT', (r) => r.code === '2.04' ? process.exit(0) : fail(r.code), text(size), block)
    break
  case 'post':
    request('POST', (r) => r.payload.equals(Buffer.from(text(size).toString().toUpperCase())) ? process.exit(0) : fail(`${r.code}, ${r.payload.length} bytes`), text(size), block)
    break
  case 'get':
    request('GET', (r) => r.payload.equals(text(size)) ? process.exit(0) : fail(`${r.code}, ${r.payload.length} bytes`), null, block)
    break
  case 'observe': {
    let left = size
    request('GET', (r) => r.on('data', (b) => {
      console.log(b.toString())
      if (--left === 0) process.exit(0)
    }), null, 0, { observe: true })
    break
  }
  case 'serve': {
    let body = text(5000)
    const tell = new Set()
    coap.createServer((req, res) => {
      if (req.url !== '/shelf') {
        res.code = '4.04'
        return res.end()
      }
      if (req.method === 'PUT') {
        body = req.payload
        for (const t of tell) t.write(body)
        res.code = '2.04'
        return res.end()
      }
      if (req.headers.Observe === 0) {
        tell.add(res)
        res.on('finish', () => tell.delete(res))
        return res.write(body)
      }
      res.end(body)
    }).listen(Number(port), '127.0.0.1')
  }
}
