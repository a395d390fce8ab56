/** A client of the fixture over stdio that knows lines and JSON-RPC and nothing else, so that nothing hides what is sent. */
import { Deferred, Effect } from "effect"
import { spawn } from "node:child_process"
import { overStdio } from "./fixtureProgram.ts"
import * as JsonRpc from "./jsonRpc.ts"

export { type Json, type Message, RpcError } from "./jsonRpc.ts"

type Json = JsonRpc.Json

/** A clock that jumps by 12 minutes with each SIGUSR2; timers stay as they are. */
const jumping = `let ahead = 0
const now = Date.now
Date.now = () => now() + ahead
if (process.platform !== "win32") process.on("SIGUSR2", () => { ahead += 720_000; process.stderr.write("jumped") })`

/** A running fixture, not initialized yet. `answer` is what the client says to the server's own requests. */
export const start = Effect.fnUntraced(function* (answer: JsonRpc.Answering = () => ({})) {
  const file = yield* overStdio
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, ["--import", `data:text/javascript,${encodeURIComponent(jumping)}`, file], {
        stdio: ["pipe", "pipe", "pipe"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  /** Lines on stdout that are no messages: there must be none. */
  const garbage: Array<string> = []
  const line = (text: string) => void child.stdin.write(`${text}\n`)
  const { begin, notify, request, seen, take } = JsonRpc.make((message) => line(JSON.stringify(message)), answer)

  let rest = ""
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = `${rest}${chunk}`.split("\n")
    rest = lines.pop() ?? ""
    for (const text of lines) {
      let message: JsonRpc.Message & { readonly jsonrpc?: string }
      try {
        message = JSON.parse(text) as JsonRpc.Message
      } catch {
        garbage.push(text)
        continue
      }
      if (message.jsonrpc !== "2.0") garbage.push(text)
      take(message)
    }
  })
  const exit = yield* Deferred.make<number | null>()
  child.once("exit", (code) => Deferred.unsafeDone(exit, Effect.succeed(code)))

  return {
    seen,
    garbage,
    begin,
    request,
    notify,
    pid: child.pid,
    /** Lets 12 minutes pass for its clock, and returns when they have. */
    jump: Effect.async<void>((resume) => {
      const look = (chunk: Buffer) => {
        if (!chunk.toString().includes("jumped")) return
        child.stderr.off("data", look)
        resume(Effect.void)
      }
      child.stderr.on("data", look)
      child.kill("SIGUSR2")
    }),
    /** A line as it is. */
    line: (text: string) => Effect.sync(() => line(text)),
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
