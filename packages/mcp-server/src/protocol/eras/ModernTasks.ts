/**
 * Tasks since 2026-07-28, the extension `io.modelcontextprotocol/tasks`: a client says with each request that it knows them,
 * and the server decides which call becomes one. Questions of the work are answered with `tasks/update`.
 */
import {
  MissingRequiredClientCapabilityError,
  type Server,
  type ServerContext,
  type Task
} from "@modelcontextprotocol/server"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Asking } from "../CallContext.ts"
import type { Account, Tasks, Working } from "../ServerTasks.ts"
import type { Result } from "../ToolCall.ts"
import { type Asked, clientIn } from "./Era.ts"
import { missingOf } from "./Questions.ts"

const name = "io.modelcontextprotocol/tasks"

export const capabilities = { [name]: {} }

/** A call that is done by then is answered at once. */
const grace = "500 millis"

/** Whether the client of a request knows tasks. */
export const isKnown = (asked: Asked): boolean => clientIn(asked).capabilities?.extensions?.[name] !== undefined

/** Runs a call as a task, and answers with it unless its result is there at once. A client that leaves meanwhile ends it. */
export const begin = Effect.fnUntraced(
  function* <R>(
    tasks: Tasks,
    context: ServerContext,
    work: (asking: Asking, working: Working) => Effect.Effect<Result, never, R>
  ) {
    const owner = ownerOf(context)
    const can: Asking["can"] = clientIn(context.mcpReq).capabilities ?? {}
    const { taskId } = yield* tasks.start({ owner }, (working) => {
      // what the client cannot answer has no answer
      const ask: Asking["ask"] = (requests) =>
        working.ask(
          Object.fromEntries(
            Object.entries(requests).filter(([key, request]) => missingOf({ [key]: request }, can) === undefined)
          )
        )
      return work({ can, ask }, working)
    })
    yield* Effect.timeoutOption(tasks.settled(taskId), grace).pipe(
      Effect.onInterrupt(() => Effect.ignore(tasks.cancel(taskId)))
    )
    const account = yield* tasks.account(taskId, owner)
    // in the SDK's type a call has no task for its answer
    if (account.result === undefined)
      return { resultType: "task", ...told(account.task, account.error) } as object as Result
    yield* tasks.forget(taskId)
    return account.result
  },
  // the task was there a moment ago
  Effect.orDie
)

/** Answers what a client asks about its tasks; `run` runs an effect until it cancels. */
export const bind = (
  server: Server,
  tasks: Tasks,
  run: <A, E>(effect: Effect.Effect<A, E>, signal: AbortSignal) => Promise<A>
) => {
  const handled =
    (use: (taskId: string, context: ServerContext) => Effect.Effect<object, Error>) =>
    ({ taskId }: { readonly taskId: string }, context: ServerContext) =>
      run(
        isKnown(context.mcpReq)
          ? Effect.map(use(taskId, context), (answer) => ({ ...answer }))
          : Effect.fail(unknownToClient()),
        context.mcpReq.signal
      )
  const got = handled((taskId, context) => Effect.map(tasks.account(taskId, ownerOf(context)), detailed))
  const updated = handled((taskId, context) =>
    // the SDK has taken them out of the parameters
    Effect.as(tasks.update(taskId, ownerOf(context), context.mcpReq.inputResponses ?? {}), {})
  )
  const cancelled = handled((taskId, context) =>
    Effect.zipRight(
      tasks.account(taskId, ownerOf(context)),
      // one that is over stays as it is
      Effect.as(Effect.ignore(tasks.cancel(taskId)), {})
    )
  )
  server.setRequestHandler("tasks/get", one, got)
  server.setRequestHandler("tasks/update", one, updated)
  server.setRequestHandler("tasks/cancel", one, cancelled)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const one = { params: Schema.standardSchemaV1(Schema.Struct({ taskId: Schema.String })) }
const ownerOf = ({ http }: ServerContext) => http?.authInfo?.clientId ?? ""

const unknownToClient = () =>
  new MissingRequiredClientCapabilityError({ requiredCapabilities: { extensions: { [name]: {} } } })

/** A tool that failed has completed; only a request can fail. */
const told = (
  { createdAt, lastUpdatedAt, pollInterval, status, statusMessage, taskId, ttl }: Task,
  error?: Account["error"]
) => ({
  taskId,
  status: status === "failed" && error === undefined ? "completed" : status,
  ...(statusMessage === undefined ? {} : { statusMessage }),
  createdAt,
  lastUpdatedAt,
  ttlMs: ttl,
  pollIntervalMs: pollInterval
})

const detailed = ({ error, questions, result, task }: Account) => ({
  ...told(task, error),
  ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
  ...(result === undefined || task.status === "cancelled" ? {} : { result }),
  ...(task.status === "input_required" ? { inputRequests: Object.fromEntries(questions) } : {})
})
