/**
 * The simulator's HTTP listeners on real sockets.
 *
 * Uses `node:http` instead of `@effect/platform`'s server, which cannot close a socket in the middle of a reply, write
 * half an event, or keep a reply open without a byte; the simulator exists for these.
 */
// @effect-diagnostics nodeBuiltinImport:off
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Ref from "effect/Ref"
import * as Http from "node:http"
import type { Socket } from "node:net"
import type { Responder } from "../http/HttpApi.ts"
import type { Listener } from "../state/Machine.ts"
import { PortTaken } from "../state/Machine.ts"
import type { Request } from "../Recorder.ts"

export type Serve = (request: Request, responder: Responder) => Effect.Effect<void>

/** A listener on 127.0.0.1 that opens and closes with the machine's state; closing cuts every connection. */
export const make = Effect.fnUntraced(function* (serve: Serve) {
  const running = yield* FiberSet.make()
  const run = yield* FiberSet.runtime(running)()
  const current = yield* Ref.make<Effect.Effect<void>>(Effect.void)
  const close = Effect.flatten(Ref.getAndSet(current, Effect.void))
  yield* Effect.addFinalizer(() => close)
  const listener: Listener = {
    open: Effect.fnUntraced(function* (port: number) {
      yield* close
      const { actual, stop } = yield* listen(port, serve, run)
      yield* Ref.set(current, stop)
      return actual
    }),
    close
  }
  return listener
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Run = (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<unknown, unknown>

const listen = (port: number, serve: Serve, run: Run) =>
  Effect.async<{ readonly actual: number; readonly stop: Effect.Effect<void> }, PortTaken>((resume) => {
    const sockets = new Set<Socket>()
    const server = Http.createServer({ keepAliveTimeout: 5000 }, (request, response) =>
      accept(request, response, serve, run)
    )
    server.on("connection", (socket) => {
      sockets.add(socket)
      socket.once("close", () => sockets.delete(socket))
    })
    server.once("error", () => resume(new PortTaken({ port })))
    server.listen(port, "127.0.0.1", () => {
      const address = server.address()
      const stop = Effect.async<void>((done) => {
        server.close(() => done(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
      resume(Effect.succeed({ actual: typeof address === "object" && address !== null ? address.port : port, stop }))
    })
  })

const accept = (incoming: Http.IncomingMessage, outgoing: Http.ServerResponse, serve: Serve, run: Run): void => {
  const chunks: Array<Buffer> = []
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
  // A client that disconnects while it is still sending has requested nothing.
  incoming.on("error", () => outgoing.destroy())
  incoming.on("end", () => {
    const request: Request = {
      method: incoming.method ?? "GET",
      path: incoming.url ?? "/",
      headers: Object.fromEntries(
        Object.entries(incoming.headers).map(([name, value]) => [
          name,
          Array.isArray(value) ? value.join(", ") : (value ?? "")
        ])
      ),
      body: Buffer.concat(chunks).toString("utf8")
    }
    const fiber = run(serve(request, responderOf(outgoing)))
    outgoing.once("close", () => fiber.unsafeInterruptAsFork(fiber.id()))
  })
}

const responderOf = (outgoing: Http.ServerResponse): Responder => ({
  head: (status, headers) =>
    Effect.sync(() => {
      outgoing.writeHead(status, headers)
      outgoing.flushHeaders()
    }),
  write: (bytes) =>
    bytes.length === 0
      ? Effect.void
      : Effect.async<void>((resume) => {
          outgoing.write(bytes, () => resume(Effect.void))
        }),
  end: Effect.async<void>((resume) => {
    outgoing.end(() => resume(Effect.void))
  }),
  destroy: Effect.sync(() => {
    outgoing.socket?.destroy()
  }),
  // The connection already exists, so a reset is the closest thing to a refusal.
  refuse: Effect.sync(() => {
    outgoing.socket?.resetAndDestroy()
  })
})
