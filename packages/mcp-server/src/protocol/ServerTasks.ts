/**
 * Tool calls as tasks (MCP 2025-11-25): the call answers at once, and the client asks for the result later. The SDK has no
 * tasks of a server.
 */
import {
  ProtocolError,
  ProtocolErrorCode,
  RELATED_TASK_META_KEY,
  type Server,
  type Task
} from "@modelcontextprotocol/server"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { randomBytes } from "node:crypto"
import type { Progress } from "../tools/Tool.ts"
import type { Result } from "./ToolCall.ts"

export const capabilities = { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } }

/** How long a result is kept, in milliseconds, if the client does not say. */
const keptMillis = 60 * 60_000

/** The interval at which a client should ask, in milliseconds. */
const pollInterval = 2000

/** How many tasks are in one page of their list. */
const pageSize = 10

export interface Tasks {
  /** Starts the work, and answers with its task. `tell` is called with the task whenever it changes. */
  readonly start: <R>(
    ttl: number | undefined,
    work: (progress: Progress) => Effect.Effect<Result, never, R>,
    tell: (task: Task) => void
  ) => Effect.Effect<Task, never, R>
  readonly get: (taskId: string) => Effect.Effect<Task, ProtocolError>
  /** Waits for the end of the task. */
  readonly result: (taskId: string) => Effect.Effect<Result, ProtocolError>
  readonly list: (
    cursor: string | undefined
  ) => Effect.Effect<{ tasks: Array<Task>; nextCursor?: string }, ProtocolError>
  readonly cancel: (taskId: string) => Effect.Effect<Task, ProtocolError>
}

/** The tasks of one client. They end with the scope. */
export const make = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const kept = new Map<string, Kept>()

  const find = (taskId: string) =>
    Effect.suspend(() => {
      const found = kept.get(taskId)
      return found === undefined ? Effect.fail(notFound(taskId)) : Effect.succeed(found)
    })
  const change = (entry: Kept, status: Task["status"], statusMessage?: string) =>
    Effect.map(now, (lastUpdatedAt) => {
      entry.task = { ...entry.task, status, lastUpdatedAt, ...(statusMessage === undefined ? {} : { statusMessage }) }
      return entry.task
    })
  /** Counts from now. */
  const expires = Effect.fnUntraced(function* (entry: Kept) {
    const { taskId, ttl } = entry.task
    if (entry.expiry !== undefined) yield* Fiber.interruptFork(entry.expiry)
    if (ttl === null || ttl === 0) return
    entry.expiry = yield* Effect.sync(() => {
      kept.delete(taskId)
      Deferred.unsafeDone(entry.result, Effect.fail(notFound(taskId)))
    }).pipe(Effect.delay(Duration.millis(ttl)), Effect.forkIn(scope))
  })

  const start: Tasks["start"] = Effect.fnUntraced(function* (ttl, work, tell) {
    const taskId = randomBytes(16).toString("hex")
    const createdAt = yield* now
    const task: Task = {
      taskId,
      status: "working",
      ttl: ttl ?? keptMillis,
      createdAt,
      lastUpdatedAt: createdAt,
      pollInterval
    }
    const entry: Kept = {
      task,
      result: yield* Deferred.make<Result, ProtocolError>(),
      fiber: undefined,
      expiry: undefined
    }
    kept.set(taskId, entry)
    yield* expires(entry)
    const progress: Progress = {
      tell: (message) =>
        Effect.when(Effect.map(change(entry, "working", message), tell), () => !isOver(entry.task)).pipe(Effect.asVoid),
      note: () => Effect.void
    }
    entry.fiber = yield* work(progress).pipe(
      Effect.flatMap((result) =>
        // a task that was cancelled meanwhile accepts no result
        isOver(entry.task)
          ? Effect.void
          : Effect.flatMap(change(entry, result.isError === true ? "failed" : "completed"), (task) => {
              tell(task)
              return Effect.zipRight(Deferred.succeed(entry.result, result), expires(entry))
            })
      ),
      Effect.asVoid,
      Effect.forkIn(scope)
    )
    return task
  })

  const tasks: Tasks = {
    start,
    get: (taskId) => Effect.map(find(taskId), ({ task }) => task),
    result: (taskId) =>
      Effect.flatMap(find(taskId), ({ result }) =>
        Effect.map(Deferred.await(result), (result) => ({
          ...result,
          _meta: { [RELATED_TASK_META_KEY]: { taskId } }
        }))
      ),
    list: (cursor) =>
      Effect.suspend(() => {
        const ids = [...kept.keys()]
        const from = cursor === undefined ? 0 : ids.indexOf(cursor) + 1
        if (cursor !== undefined && from === 0) {
          return Effect.fail(invalid(`Failed to list tasks: Invalid cursor: ${cursor}`))
        }
        const page = ids.slice(from, from + pageSize)
        const last = page.at(-1)
        return Effect.succeed({
          tasks: page.flatMap((id) => kept.get(id)?.task ?? []),
          ...(last !== undefined && from + pageSize < ids.length ? { nextCursor: last } : {})
        })
      }),
    cancel: Effect.fnUntraced(function* (taskId) {
      const entry = yield* find(taskId)
      const { status } = entry.task
      if (isOver(entry.task)) return yield* Effect.fail(invalid(`Cannot cancel task in terminal status: ${status}`))
      const task = yield* change(entry, "cancelled", "Client cancelled task execution.")
      const none = new ProtocolError(ProtocolErrorCode.InternalError, `Task ${taskId} has no result stored`)
      yield* Deferred.fail(entry.result, none)
      if (entry.fiber !== undefined) yield* Fiber.interruptFork(entry.fiber)
      yield* expires(entry)
      return task
    })
  }
  return tasks
})

/** Answers what a client asks about its tasks; `run` runs an effect until it cancels. */
export const bind = (
  server: Server,
  tasks: Tasks,
  run: <A, E>(effect: Effect.Effect<A, E>, signal: AbortSignal) => Promise<A>
) => {
  server.setRequestHandler("tasks/get", one, ({ taskId }, { mcpReq }) => run(tasks.get(taskId), mcpReq.signal))
  server.setRequestHandler("tasks/result", one, ({ taskId }, { mcpReq }) => run(tasks.result(taskId), mcpReq.signal))
  server.setRequestHandler("tasks/list", page, ({ cursor }, { mcpReq }) => run(tasks.list(cursor), mcpReq.signal))
  server.setRequestHandler("tasks/cancel", one, ({ taskId }, { mcpReq }) => run(tasks.cancel(taskId), mcpReq.signal))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Kept {
  task: Task
  readonly result: Deferred.Deferred<Result, ProtocolError>
  fiber: Fiber.RuntimeFiber<void> | undefined
  expiry: Fiber.RuntimeFiber<void> | undefined
}

const one = { params: Schema.standardSchemaV1(Schema.Struct({ taskId: Schema.String })) }
const page = { params: Schema.standardSchemaV1(Schema.Struct({ cursor: Schema.optional(Schema.String) })) }

const now = Effect.map(DateTime.now, DateTime.formatIso)

const isOver = ({ status }: Task): boolean => status === "completed" || status === "failed" || status === "cancelled"

const invalid = (message: string) => new ProtocolError(ProtocolErrorCode.InvalidParams, message)

const notFound = (taskId: string) => invalid(`Task not found: ${taskId}`)
