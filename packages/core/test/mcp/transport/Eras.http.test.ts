import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import { Duration, Effect, Option, type Scope } from "effect"
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { registryWith, textOf } from "../realServers.ts"

type Era = "legacy" | "modern" | "both" | "silent"

interface Asked {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly params: { readonly _meta?: Readonly<Record<string, unknown>>; readonly arguments?: unknown }
}

interface World {
  readonly url: string
  readonly asked: Array<Asked>
  /** The server is started anew, in this era. */
  readonly restart: (era: Era) => Effect.Effect<void>
}

const schema = { type: "object", properties: { city: { type: "string", "x-mcp-header": "City" } } }
const bad = { type: "object", properties: { city: { type: "number", "x-mcp-header": "City" } } }

const results = (method: string): object => {
  if (method === "server/discover") return { supportedVersions: ["2026-07-28"], capabilities: { tools: {} } }
  if (method === "initialize") return { protocolVersion: "2025-11-25", capabilities: { tools: {} } }
  if (method !== "tools/list") return { content: [{ type: "text", text: "hi" }] }
  return {
    tools: [
      { name: "echo", inputSchema: schema },
      { name: "marked wrongly", inputSchema: bad }
    ]
  }
}

/** A server as the SDK's are: with sessions in the older era, and refusals in the words of its own. */
const serverOf = (first: Era): Effect.Effect<World, never, Scope.Scope> => {
  const asked: Array<Asked> = []
  const state: { era: Era; starts: number } = { era: first, starts: 1 }
  const answer = ({ headers, method, params }: Asked, id: unknown, response: ServerResponse) => {
    const send = (status: number, body: object) =>
      void response
        .writeHead(status, { "content-type": "application/json" })
        .end(JSON.stringify({ jsonrpc: "2.0", id, ...body }))
    const refuse = (code: number, message: string, data?: object) => send(400, { error: { code, message, data } })
    const isModern = params._meta?.["io.modelcontextprotocol/protocolVersion"] !== undefined
    if (isModern && state.era === "silent") return
    if (isModern && state.era !== "legacy") {
      return headers["mcp-method"] === method
        ? send(200, { result: { resultType: "complete", ...results(method) } })
        : refuse(-32_020, "Header mismatch: Mcp-Method")
    }
    if (state.era === "modern") return refuse(-32_022, "Unsupported protocol version", { supported: ["2026-07-28"] })
    const session = `session-${state.starts}`
    if (method === "initialize") response.setHeader("mcp-session-id", session)
    else if (headers["mcp-session-id"] === undefined) return refuse(-32_000, "Bad Request: Server not initialized")
    else if (headers["mcp-session-id"] !== session)
      return send(404, { error: { code: -32_001, message: "Session not found" } })
    return send(200, { result: results(method) })
  }
  const http = createServer((request, response) => {
    if (request.method !== "POST") return void response.writeHead(405).end()
    let body = ""
    request.on("data", (chunk: Buffer) => (body += chunk.toString()))
    request.on("end", () => {
      const { id, method, params = {} } = JSON.parse(body) as Omit<Asked, "headers"> & { readonly id: unknown }
      const one = { method, params, headers: request.headers }
      if (id === undefined) return void response.writeHead(202).end()
      asked.push(one)
      return answer(one, id, response)
    })
  })
  return Effect.map(
    Effect.acquireRelease(
      Effect.async<void>((resume) => void http.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () => Effect.sync(() => (http.closeAllConnections(), http.close()))
    ),
    () => ({
      url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
      asked,
      restart: (era) =>
        Effect.sync(() => {
          state.era = era
          state.starts += 1
        })
    })
  )
}

const methods = ({ asked }: World) => asked.map(({ method }) => method)

const call = (args: Readonly<Record<string, unknown>> = {}) =>
  Effect.flatMap(McpRegistry, (registry) => registry.call("remote", "echo", args))

const listed = Effect.flatMap(McpRegistry, (registry) => registry.tools("remote"))

const using = <A, E>(
  { url }: World,
  use: Effect.Effect<A, E, McpRegistry>,
  entry: object = {},
  settings: Parameters<typeof registryWith>[1] = {}
) => use.pipe(Effect.provide(registryWith({ remote: { url, ...entry } }, settings)))

describe("a server over HTTP", () => {
  it.scopedLive("with both eras is used in the new one, and never asked to initialize", () =>
    Effect.gen(function* () {
      const world = yield* serverOf("both")
      assert.strictEqual(textOf(yield* using(world, call())), "hi")
      assert.deepStrictEqual(methods(world), ["server/discover", "tools/call"])
      for (const { headers, method } of world.asked) {
        assert.strictEqual(headers["mcp-protocol-version"], "2026-07-28")
        assert.strictEqual(headers["mcp-method"], method)
      }
      assert.strictEqual(world.asked[1]?.headers["mcp-name"], "echo")
    })
  )

  it.scopedLive("of the older era is asked in the newer words once", () =>
    Effect.gen(function* () {
      const world = yield* serverOf("legacy")
      assert.strictEqual(textOf(yield* using(world, call())), "hi")
      assert.deepStrictEqual(methods(world), ["server/discover", "initialize", "tools/call"])
      for (const { headers } of world.asked.slice(1)) assert.isUndefined(headers["mcp-method"])
    })
  )

  it.scopedLive("that does not answer what it does not know is asked to initialize", () =>
    Effect.gen(function* () {
      const world = yield* serverOf("silent")
      assert.strictEqual(textOf(yield* using(world, call(), { startTimeout: "1 second" })), "hi")
      assert.deepStrictEqual(methods(world), ["server/discover", "initialize", "tools/call"])
    })
  )

  it.scopedLive("costs that time once, and is used in the new era again when it knows it", () =>
    Effect.gen(function* () {
      const world = yield* serverOf("silent")
      const folder = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
      /** What it was asked in one use, by a registry of its own. */
      const use = Effect.gen(function* () {
        world.asked.length = 0
        yield* using(world, call(), {}, { dataDir: Option.some(folder) })
        return methods(world).join(", ")
      })
      const [first, asked] = yield* Effect.timed(use)
      assert.strictEqual(asked, "server/discover, initialize, tools/call")
      assert.isAtLeast(Duration.toMillis(first), 4500)
      const [second, again] = yield* Effect.timed(use)
      // what is asked beside is not waited for
      assert.match(again, /^initialize, server\/discover, tools\/call$/)
      assert.isBelow(Duration.toMillis(second), Duration.toMillis(first) - 2000)
      yield* world.restart("both")
      assert.strictEqual(yield* use, "initialize, server/discover, tools/call")
      assert.strictEqual(yield* use, "server/discover, tools/call")
      // and one that has become silent again costs it once more
      yield* world.restart("silent")
      assert.strictEqual(yield* use, "server/discover, initialize, tools/call")
      assert.strictEqual(yield* use, "initialize, server/discover, tools/call")
      yield* world.restart("modern")
      assert.strictEqual(yield* use, "initialize, server/discover, tools/call")
      assert.strictEqual(yield* use, "server/discover, tools/call")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  const changes: ReadonlyArray<readonly [Era, Era]> = [
    ["legacy", "modern"],
    ["modern", "legacy"],
    ["both", "legacy"],
    ["legacy", "both"]
  ]
  for (const [before, after] of changes) {
    it.scopedLive(
      `that was ${before} and is ${after} after a restart goes on in the middle of a connection`,
      ({ task }) =>
        Effect.gen(function* () {
          const world = yield* serverOf(before)
          const texts = yield* using(
            world,
            Effect.gen(function* () {
              const first = yield* call()
              yield* world.restart(after)
              return [textOf(first), textOf(yield* call())]
            })
          )
          assert.deepStrictEqual(texts, ["hi", "hi"])
          // for the table in docs/mcp.md
          const revision = world.asked.at(-1)?.headers["mcp-protocol-version"]
          Object.assign(task.meta, {
            played: { side: "client", feature: "an era that changes", over: world.url, revision }
          })
        })
    )
  }

  it.scopedLive("gets marked arguments in headers, and a tool that marks them wrongly is not offered", () =>
    Effect.gen(function* () {
      const world = yield* serverOf("both")
      const tools = yield* using(world, Effect.zipLeft(listed, call({ city: "Zürich", other: 1 })))
      assert.deepStrictEqual(
        tools.map(({ name }) => name),
        ["echo"]
      )
      assert.strictEqual(
        world.asked.at(-1)?.headers["mcp-param-city"],
        `=?base64?${Buffer.from("Zürich").toString("base64")}?=`
      )

      const older = yield* serverOf("legacy")
      const all = yield* using(older, Effect.zipLeft(listed, call({ city: "Ulm" })))
      assert.strictEqual(all.length, 2)
      assert.isUndefined(older.asked.at(-1)?.headers["mcp-param-city"])
    })
  )
})
