/**
 * A call that its server runs as a task: created, polled until it ends, and its result fetched. For tools that accept
 * no other kind of call (`execution.taskSupport: "required"`).
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { CallOptions } from "../McpConnection.ts"
import { McpCallFailed } from "../McpError.ts"

/** Sends a request of the call: each with the limit of one request, and failing like the call. */
export type Request<E> = (
  method: string,
  params: Record<string, unknown>,
  options?: CallOptions
) => Effect.Effect<unknown, E>

/**
 * The result of the call as the server sent it; a direct answer instead of a task is the result. An interrupted call is
 * cancelled at the server. `total` is the longest time for all of it.
 */
export const call = <E>(
  request: Request<E>,
  facts: { readonly server: string; readonly tool: string; readonly total: Duration.Duration },
  args: Readonly<Record<string, unknown>>,
  { onProgress }: CallOptions
): Effect.Effect<unknown, E | McpCallFailed> => {
  const { server, tool, total } = facts
  const failed = (detail: string) => new McpCallFailed({ server, tool, reason: "Protocol", detail })

  const follow = (task: Task, told: string): Effect.Effect<unknown, E | McpCallFailed> =>
    Effect.gen(function* () {
      const message = task.message ?? task.status
      if (message !== told) yield* onProgress?.({ progress: 0, total: undefined, message }) ?? Effect.void
      // its end, or a question that it asks while its result is awaited
      if (ended.has(task.status) || task.status === "input_required")
        return yield* request("tasks/result", { taskId: task.id })
      if (task.status === "cancelled") return yield* failed(task.message ?? "Its server has cancelled it.")
      yield* Effect.sleep(task.pollEvery)
      const next = taskIn(yield* request("tasks/get", { taskId: task.id }))
      return yield* Option.match(next, {
        onNone: () => Effect.fail(failed("Its server no longer knows the task that it made of the call.")),
        onSome: (after) => follow({ ...after, id: task.id }, message)
      })
    })

  return Effect.gen(function* () {
    const made = yield* request(
      "tools/call",
      { name: tool, arguments: args, task: { ttl: Duration.toMillis(total) } },
      { onProgress }
    )
    const task = taskIn(made)
    if (Option.isNone(task)) return made
    const { id } = task.value
    const cancelled = Effect.ignore(Effect.timeout(request("tasks/cancel", { taskId: id }), cancelWithin))
    return yield* follow(task.value, "").pipe(
      Effect.timeoutFail({
        duration: total,
        onTimeout: () => new McpCallFailed({ server, tool, reason: "Timeout", limit: total, detail: "" })
      }),
      Effect.onInterrupt(() => cancelled),
      Effect.tapError((error) => (isTimeout(error) ? cancelled : Effect.void))
    )
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Task {
  readonly id: string
  readonly status: string
  readonly message: string | undefined
  readonly pollEvery: Duration.Duration
}

const ended = new Set(["completed", "failed"])

/** A server is not waited for any longer than this after an interruption. */
const cancelWithin = "2 seconds"

const isTimeout = (error: unknown) => isCallFailed(error) && error.reason === "Timeout"
const isCallFailed = Schema.is(McpCallFailed)

/** The task in an answer, at the top level or under `task`. */
const taskIn = (answer: unknown): Option.Option<Task> => {
  const task = Predicate.hasProperty(answer, "task") ? answer.task : answer
  if (!Predicate.isReadonlyRecord(task)) return Option.none()
  const { pollInterval, status, statusMessage, taskId } = task
  if (typeof taskId !== "string" || typeof status !== "string") return Option.none()
  return Option.some({
    id: taskId,
    status,
    message: typeof statusMessage === "string" && statusMessage !== "" ? statusMessage : undefined,
    pollEvery: Duration.clamp(Duration.millis(typeof pollInterval === "number" ? pollInterval : 1000), {
      minimum: "50 millis",
      maximum: "30 seconds"
    })
  })
}
