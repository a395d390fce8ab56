/** A client of the fixture over stdio that knows lines and JSON-RPC and nothing else, so that nothing hides what is sent. */
import { Data, Deferred, Effect } from "effect"
import { build } from "esbuild"
import { spawn } from "node:child_process"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export type Json = Record<string, unknown>

/** What the server answered instead of a result. */
export class RpcError extends Data.TaggedError("RpcError")<{ readonly code: number; readonly message: string }> {}

export interface Message {
  readonly id?: number | string
  readonly method?: string
  readonly params?: Json
  readonly result?: Json
  readonly error?: { readonly code: number; readonly message: string }
}

const program = Effect.runSync(
  Effect.cached(
    Effect.promise(async () => {
      const outfile = join(mkdtempSync(join(tmpdir(), "lms-bridge-stdio-")), "serve.mjs")
      await build({
        entryPoints: [fileURLToPath(new URL("serveStdio.ts", import.meta.url))],
        outfile,
        bundle: true,
        format: "esm",
        platform: "node",
        mainFields: ["module", "main"],
        conditions: ["@lms-bridge/source"],
        banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
        logLevel: "error"
      })
      return outfile
    })
  )
)

/** A running fixture, not initialized yet. `answer` is what the client says to the server's own requests. */
export const start = Effect.fnUntraced(function* (answer: (method: string, params: Json) => Json = () => ({})) {
  const file = yield* program
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [file], { stdio: ["pipe", "pipe", "pipe"] })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  /** Everything that came, oldest first. */
  const seen: Array<Message> = []
  /** Lines on stdout that are no messages: there must be none. */
  const garbage: Array<string> = []
  const waiting = new Map<number | string, Deferred.Deferred<Json, RpcError>>()
  let ids = 0

  const write = (message: Json) => Effect.sync(() => child.stdin.write(`${JSON.stringify(message)}\n`))
  const take = (line: string) => {
    let message: Message & { readonly jsonrpc?: string }
    try {
      message = JSON.parse(line) as Message
    } catch {
      return garbage.push(line)
    }
    if (message.jsonrpc !== "2.0") garbage.push(line)
    seen.push(message)
    if (message.method !== undefined && message.id !== undefined) {
      const reply = { jsonrpc: "2.0", id: message.id, result: answer(message.method, message.params ?? {}) }
      return child.stdin.write(`${JSON.stringify(reply)}\n`)
    }
    const asked = message.id === undefined ? undefined : waiting.get(message.id)
    if (asked === undefined) return undefined
    return Deferred.unsafeDone(
      asked,
      message.error === undefined ? Effect.succeed(message.result ?? {}) : Effect.fail(new RpcError(message.error))
    )
  }
  let rest = ""
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = `${rest}${chunk}`.split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) take(line)
  })
  const exit = yield* Deferred.make<number | null>()
  child.once("exit", (code) => Deferred.unsafeDone(exit, Effect.succeed(code)))

  /** The id and, once it is there, the answer. */
  const begin = Effect.fnUntraced(function* (method: string, params: Json = {}) {
    const id = ++ids
    const asked = yield* Deferred.make<Json, RpcError>()
    waiting.set(id, asked)
    yield* write({ jsonrpc: "2.0", id, method, params })
    return { id, answer: Deferred.await(asked) }
  })
  const request = (method: string, params?: Json) => Effect.flatMap(begin(method, params), ({ answer }) => answer)
  const notify = (method: string, params: Json = {}) => write({ jsonrpc: "2.0", method, params })

  return {
    seen,
    garbage,
    begin,
    request,
    notify,
    /** A line as it is. */
    line: (text: string) => Effect.sync(() => child.stdin.write(`${text}\n`)),
    call: (name: string, args: Json = {}, meta: Json = {}) =>
      request("tools/call", { name, arguments: args, _meta: meta }),
    initialize: Effect.fnUntraced(function* (capabilities: Json, protocolVersion = "2025-11-25") {
      const clientInfo = { name: "driver", version: "1" }
      const result = yield* request("initialize", { protocolVersion, capabilities, clientInfo })
      yield* notify("notifications/initialized")
      return result
    }),
    /** Closes its stdin and waits for its exit code. */
    hangUp: Effect.zipRight(
      Effect.sync(() => child.stdin.end()),
      Deferred.await(exit)
    )
  }
})
