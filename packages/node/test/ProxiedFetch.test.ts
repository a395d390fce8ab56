import { assert, describe, it } from "@effect/vitest"
import * as ProxiedFetch from "#src/ProxiedFetch.ts"
import { Effect } from "effect"
import { createServer, request, type IncomingMessage } from "node:http"
import { connect, type AddressInfo } from "node:net"

/** A proxy that leads every name to one server of ours, or refuses; and the requests that it received. */
const proxy = Effect.fnUntraced(function* (refuses?: number) {
  const asked: Array<string> = []
  const seen = (what: string, { headers }: IncomingMessage) =>
    asked.push(`${what} ${headers["proxy-authorization"] ?? "nobody"}`)
  const site = yield* listening(createServer((_, response) => response.writeHead(200).end("hello from afar")))
  const server = createServer((message, response) => {
    seen(message.url ?? "", message)
    if (refuses !== undefined) return response.writeHead(refuses).end()
    return request({ port: site, path: "/" }, (answer) => answer.pipe(response)).end()
  })
  server.on("connect", (message, socket) => {
    seen(`CONNECT ${message.url}`, message)
    if (refuses !== undefined) return socket.end(`HTTP/1.1 ${refuses} No\r\n\r\n`)
    const far = connect(site, "127.0.0.1", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"))
    return far.pipe(socket).pipe(far)
  })
  return { asked, port: yield* listening(server) }
})

const listening = (server: ReturnType<typeof createServer>) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      () => Effect.sync(() => (server.closeAllConnections(), server.close()))
    ),
    (server) => (server.address() as AddressInfo).port
  )

/** With these variables and no other proxy in the environment. */
const withVariables =
  (variables: Readonly<Record<string, string>>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const before = { ...process.env }
        for (const name of ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]) {
          delete process.env[name]
          delete process.env[name.toUpperCase()]
        }
        Object.assign(process.env, variables)
        return before
      }),
      () => self,
      (before) => Effect.sync(() => (process.env = before))
    )

const get = (url: string) =>
  Effect.tryPromise({
    try: () => ProxiedFetch.fetch(url).then((response) => response.text()),
    catch: (error) => (error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error))
  })

describe("fetch with a proxy in the environment", () => {
  it.scopedLive("uses it for remote hosts, with user and password, and never for this machine", () =>
    Effect.gen(function* () {
      const { asked, port } = yield* proxy()
      const near = yield* listening(createServer((_, response) => response.end("near")))
      const variables = { HTTP_PROXY: `http://me:s%40cret@127.0.0.1:${port}` }
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* get("http://mcp.far.invalid/mcp"), "hello from afar")
        assert.strictEqual(yield* get(`http://127.0.0.1:${near}/`), "near")
      }).pipe(withVariables(variables))
      assert.deepStrictEqual(asked, [`http://mcp.far.invalid/mcp Basic ${btoa("me:s@cret")}`])
    })
  )

  it.scopedLive("names the variable whose proxy fails, without its password", () =>
    Effect.gen(function* () {
      for (const [refuses, told] of [
        [502, /\(HTTPS_PROXY\) answered 502 instead of connecting to mcp\.far\.invalid/],
        [407, /\(HTTPS_PROXY\) requires a user and a password/]
      ] as const) {
        const { asked, port } = yield* proxy(refuses)
        const error = yield* Effect.flip(get("https://mcp.far.invalid/mcp")).pipe(
          withVariables({ HTTPS_PROXY: `http://me:s3cret-s3cret@127.0.0.1:${port}` })
        )
        assert.match(error, told)
        assert.notInclude(error, "s3cret")
        assert.include(asked[0], "CONNECT mcp.far.invalid:443")
      }
      const gone = yield* Effect.flip(get("https://mcp.far.invalid/")).pipe(
        withVariables({ HTTPS_PROXY: "http://127.0.0.1:9" })
      )
      assert.match(gone, /\(HTTPS_PROXY\) did not reach mcp\.far\.invalid: .*Correct HTTPS_PROXY/)
      const odd = yield* Effect.flip(get("https://mcp.far.invalid/")).pipe(withVariables({ ALL_PROXY: "ftp://x" }))
      assert.match(odd, /ALL_PROXY cannot be used: proxies of kind ftp are not supported/)
    })
  )
})
