/**
 * Tool calls as tasks (MCP 2025-11-25, experimental in the SDK): the call answers at once, and the client asks for the
 * result later.
 */
import { InMemoryTaskStore } from "@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js"
import type { RequestTaskStore } from "@modelcontextprotocol/sdk/shared/protocol.js"
import type { Task } from "@modelcontextprotocol/sdk/types.js"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Progress } from "../tools/Tool.ts"
import type { Result } from "./ToolCall.ts"

export const capabilities = { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } }

/** How long a result is kept, in milliseconds, if the client does not say. */
const keptMillis = 60 * 60_000

/** The interval at which a client should ask, in milliseconds. */
const pollInterval = 2000

/** The tasks of one server. They end with the scope. */
export const make = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const running = new Map<string, Fiber.RuntimeFiber<void>>()
  const store = new Store((taskId) => {
    const fiber = running.get(taskId)
    fiber?.unsafeInterruptAsFork(fiber.id())
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => store.cleanup()))

  const start = Effect.fnUntraced(function* <R>(
    tasks: RequestTaskStore,
    ttl: number | undefined,
    work: (progress: Progress) => Effect.Effect<Result, never, R>
  ) {
    const task = yield* Effect.promise(() => tasks.createTask({ ttl: ttl ?? keptMillis, pollInterval }))
    const { taskId } = task
    const tell = (message: string) =>
      Effect.ignore(Effect.tryPromise(() => tasks.updateTaskStatus(taskId, "working", message)))
    const fiber = yield* work({ tell, note: () => Effect.void }).pipe(
      // a task that was cancelled meanwhile accepts no result
      Effect.flatMap((result) =>
        Effect.ignore(
          Effect.tryPromise(() =>
            tasks.storeTaskResult(taskId, result.isError === true ? "failed" : "completed", result)
          )
        )
      ),
      Effect.ensuring(Effect.sync(() => running.delete(taskId))),
      Effect.forkIn(scope)
    )
    running.set(taskId, fiber)
    return { task }
  })

  return { store, start }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Reports cancellations by the client: the SDK only records them. */
class Store extends InMemoryTaskStore {
  readonly #cancelled: (taskId: string) => void
  constructor(cancelled: (taskId: string) => void) {
    super()
    this.#cancelled = cancelled
  }
  override updateTaskStatus(
    taskId: string,
    status: Task["status"],
    statusMessage?: string,
    sessionId?: string
  ): Promise<void> {
    return super.updateTaskStatus(taskId, status, statusMessage, sessionId).then((done) => {
      if (status === "cancelled") this.#cancelled(taskId)
      return done
    })
  }
}
