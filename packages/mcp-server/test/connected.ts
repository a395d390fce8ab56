/** The server and the SDK's own client on two linked ends in memory. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js"
import type { ClientCapabilities } from "@modelcontextprotocol/sdk/types.js"
import { Effect, Exit, Fiber, Stream, TestClock } from "effect"
import { setImmediate } from "node:timers/promises"
import * as Server from "#src/protocol/Server.ts"
import type { Change, Reading } from "#src/protocol/ServerReading.ts"
import type { Tool } from "#src/tools/Tool.ts"

export const connected = Effect.fnUntraced(function* <R>(
  tools: ReadonlyArray<Tool<R>>,
  options: {
    readonly client?: string
    readonly caller?: string
    readonly capabilities?: ClientCapabilities
    readonly reading?: Reading<R>
    readonly changes?: Stream.Stream<Change, never, R>
  } = {}
) {
  const [near, far] = InMemoryTransport.createLinkedPair()
  const server = yield* Effect.forkScoped(
    Server.serve({
      load: Effect.map(Effect.context<R>(), (context) => ({
        surface: {
          tools,
          describeOutput: true,
          reading: options.reading ?? { resources: [], templates: [], prompts: [] },
          changes: options.changes ?? Stream.empty
        },
        context
      })),
      detachAfter: "auto",
      transport: far,
      ...(options.caller === undefined ? {} : { caller: options.caller })
    })
  )
  const client = new Client(
    { name: options.client ?? "test", version: "1" },
    { capabilities: options.capabilities ?? {} }
  )
  yield* Effect.acquireRelease(
    Effect.promise(() => client.connect(near)),
    () => Effect.promise(() => client.close())
  )
  // learns the output schemas, so that the client checks every result against them
  yield* Effect.promise(() => client.listTools())
  return { client, server }
})

export interface Result {
  readonly isError?: boolean
  readonly content: ReadonlyArray<{ readonly type: string; readonly text?: string }>
  readonly structuredContent?: Record<string, unknown>
}

export const callTool = (client: Client, name: string, args: Record<string, unknown> = {}) =>
  Effect.promise(() => client.callTool({ name, arguments: args }) as Promise<Result>)

export const textOf = (result: Result): string => result.content.map(({ text }) => text).join("\n")

/** Lets promises and timers of this process run, without moving the test clock. */
export const settle = Effect.promise(async () => {
  for (let turn = 0; turn < 20; turn++) await setImmediate()
})

/** Moves the test clock in small steps until the effect is done. */
export const whileTimePasses = Effect.fnUntraced(function* <A, E, R>(self: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.fork(self)
  yield* settle
  yield* Effect.repeat(Effect.zipRight(TestClock.adjust("10 millis"), settle), {
    until: () => Effect.map(fiber.status, ({ _tag }) => _tag === "Done")
  })
  return yield* Effect.flatMap(
    Fiber.await(fiber),
    Exit.match({ onSuccess: Effect.succeed, onFailure: Effect.failCause })
  )
})
