/**
 * The channel between the `lms` executable and the simulator: JSON lines in both directions over a loopback socket.
 *
 * Uses `node:net` directly, because a lost connection must be detected at once, and lines are the only framing.
 */
// @effect-diagnostics nodeBuiltinImport:off
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Net from "node:net"
import * as Json from "../internal/json.ts"
import type { Signal, Terminal } from "../lms/Terminal.ts"

const FromProgram = Schema.parseJson(
  Schema.Union(
    Schema.Struct({
      argv: Schema.Array(Schema.String),
      language: Schema.optionalWith(Schema.String, { exact: true })
    }),
    Schema.Struct({ line: Schema.String }),
    Schema.Struct({ end: Schema.Literal(true) }),
    Schema.Struct({ signal: Schema.Literal("SIGINT", "SIGTERM") })
  )
)

const decode = Schema.decodeOption(FromProgram)

/** Listens until the scope closes; runs `run` for every program that connects. Returns the port. */
export const listen = Effect.fnUntraced(function* (run: (terminal: Terminal) => Effect.Effect<number>) {
  const fork = yield* Effect.flatMap(FiberSet.make(), (set) => FiberSet.runtime(set)())
  const sockets = new Set<Net.Socket>()
  const server = yield* Effect.acquireRelease(
    Effect.async<Net.Server>((resume) => {
      const opened = Net.createServer((socket) => {
        sockets.add(socket)
        socket.once("close", () => sockets.delete(socket))
        const fiber = fork(converse(socket, run))
        socket.once("close", () => fiber.unsafeInterruptAsFork(fiber.id()))
      })
      opened.listen(0, "127.0.0.1", () => resume(Effect.succeed(opened)))
    }),
    (opened) =>
      Effect.async<void>((resume) => {
        opened.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
  )
  const address = server.address()
  return typeof address === "object" && address !== null ? address.port : 0
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const converse = Effect.fnUntraced(function* (socket: Net.Socket, run: (terminal: Terminal) => Effect.Effect<number>) {
  const started = yield* Deferred.make<Pick<Terminal, "argv" | "language">>()
  const lines = yield* Queue.unbounded<string | undefined>()
  const signals = yield* Queue.unbounded<Signal>()
  let pending = ""
  socket.setEncoding("utf8")
  // A killed program is a closed socket, which "close" reports.
  socket.on("error", () => socket.destroy())
  socket.on("data", (text: string) => {
    const parts = (pending + text).split("\n")
    pending = parts.pop() ?? ""
    for (const message of parts.map((part) => decode(part)).filter(Option.isSome)) {
      const value = message.value
      if ("argv" in value) {
        Deferred.unsafeDone(started, Effect.succeed({ argv: value.argv, language: value.language }))
      } else if ("line" in value) lines.unsafeOffer(value.line)
      else if ("end" in value) lines.unsafeOffer(undefined)
      else signals.unsafeOffer(value.signal)
    }
  })
  const exit = yield* run(terminalOf(yield* Deferred.await(started), socket, lines, signals))
  yield* write(socket, { exit })
})

const write = (socket: Net.Socket, message: unknown): Effect.Effect<void> =>
  Effect.sync(() => {
    if (socket.writable) socket.write(`${Json.stringify(message)}\n`)
  })

const terminalOf = (
  { argv, language }: Pick<Terminal, "argv" | "language">,
  socket: Net.Socket,
  lines: Queue.Queue<string | undefined>,
  signals: Queue.Queue<Signal>
): Terminal => ({
  argv,
  language,
  out: (text) => write(socket, { out: text }),
  err: (text) => write(socket, { err: text }),
  line: Effect.zipRight(write(socket, { stdin: true }), Queue.take(lines)),
  handle: (wanted) => Effect.as(write(socket, { handle: wanted }), Queue.take(signals)),
  ignoreSignals: write(socket, { ignore: true })
})
