/**
 * Tool calls as tasks: the call answers at once, and the client asks for the result later. In the words of MCP 2025-11-25
 * here, in those of the extension in `eras/ModernTasks.ts`. The SDK has no tasks of a server.
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
import type { Asking, ClientRequest } from "./CallContext.ts"
import { patience, valid } from "./eras/Asking.ts"
import type { Result } from "./ToolCall.ts"

export const capabilities = { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } }

/** How long a result is kept, in milliseconds, if the client does not say. */
const keptMillis = 60 * 60_000

/** The interval at which a client should ask, in milliseconds. */
const pollInterval = 2000

/** How many tasks are in one page of their list. */
const pageSize = 10

/** What the work of a task may do besides: report, and ask the client. */
export interface Working {
  readonly progress: Progress
  readonly ask: Asking["ask"]
}

/** A task with everything that is known of it. */
export interface Account {
  readonly task: Task
  readonly result: Result | undefined
  readonly error: ProtocolError | undefined
  /** Open questions by their keys; a key is never used again. */
  readonly questions: ReadonlyMap<string, ClientRequest>
}

export interface Tasks {
  /**
   * Starts the work, and answers with its task. `tell` is called with the task whenever it changes. Who starts a task with
   * `owner` has it alone.
   */
  readonly start: <R>(
    options: {
      readonly ttl?: number | undefined
      readonly owner?: string | undefined
      readonly tell?: (task: Task) => void
    },
    work: (working: Working) => Effect.Effect<Result, never, R>
  ) => Effect.Effect<Task, never, R>
  readonly account: (taskId: string, owner: string) => Effect.Effect<Account, ProtocolError>
  /** Waits for the end of the work, but no longer than until it asks something. */
  readonly settled: (taskId: string) => Effect.Effect<void, ProtocolError>
  /** Answers to open questions by their keys; others, and what is no answer, do not count. */
  readonly update: (
    taskId: string,
    owner: string,
    answers: Readonly<Record<string, unknown>>
  ) => Effect.Effect<void, ProtocolError>
  /** Forgets a task whose result has been given. */
  readonly forget: (taskId: string) => Effect.Effect<void>
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

  const find = (taskId: string, owner?: string) =>
    Effect.suspend(() => {
      const found = kept.get(taskId)
      return found === undefined || (owner !== undefined && found.owner !== owner)
        ? Effect.fail(notFound(taskId))
        : Effect.succeed(found)
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
    }).pipe(Effect.delay(Duration.millis(ttl)), Effect.interruptible, Effect.forkIn(scope))
  })

  const ask = Effect.fnUntraced(function* (entry: Kept, tell: (task: Task) => void, request: ClientRequest) {
    const answer = yield* Deferred.make<unknown>()
    const key = `question-${++entry.asked}`
    entry.questions.set(key, { request, answer })
    tell(yield* change(entry, "input_required"))
    yield* Deferred.succeed(entry.pause, undefined)
    return yield* Effect.ensuring(
      Effect.timeoutTo(Deferred.await(answer), {
        duration: patience,
        onSuccess: (given) => given,
        onTimeout: () => undefined
      }),
      Effect.suspend(() => {
        entry.questions.delete(key)
        return entry.questions.size > 0 || isOver(entry.task) ? Effect.void : Effect.map(change(entry, "working"), tell)
      })
    )
  })

  const broken = Effect.fnUntraced(function* (entry: Kept, tell: (task: Task) => void) {
    entry.error = new ProtocolError(ProtocolErrorCode.InternalError, "The call was stopped before it had a result.")
    tell(yield* change(entry, "failed", entry.error.message))
    yield* Deferred.fail(entry.result, entry.error)
    yield* Deferred.succeed(entry.pause, undefined)
    yield* expires(entry)
  })

  const start: Tasks["start"] = Effect.fnUntraced(function* ({ owner, tell = () => {}, ttl }, work) {
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
      owner,
      result: yield* Deferred.make<Result, ProtocolError>(),
      pause: yield* Deferred.make<void>(),
      given: undefined,
      error: undefined,
      questions: new Map(),
      asked: 0,
      fiber: undefined,
      expiry: undefined
    }
    kept.set(taskId, entry)
    yield* expires(entry)
    const progress: Progress = {
      tell: (message) =>
        Effect.when(Effect.map(change(entry, entry.task.status, message), tell), () => !isOver(entry.task)).pipe(
          Effect.asVoid
        ),
      note: () => Effect.void
    }
    const askAll: Working["ask"] = (requests) =>
      Effect.all(
        Object.fromEntries(Object.entries(requests).map(([key, request]) => [key, ask(entry, tell, request)])),
        { concurrency: "unbounded" }
      )
    entry.fiber = yield* work({ progress, ask: askAll }).pipe(
      Effect.flatMap((result) =>
        // a task that was cancelled meanwhile accepts no result
        isOver(entry.task)
          ? Effect.void
          : Effect.flatMap(change(entry, result.isError === true ? "failed" : "completed"), (task) => {
              entry.given = result
              tell(task)
              return Effect.all([
                Deferred.succeed(entry.result, result),
                Deferred.succeed(entry.pause, undefined),
                expires(entry)
              ])
            })
      ),
      Effect.asVoid,
      // work that was interrupted from within would leave a task that works for ever
      Effect.onInterrupt(() => Effect.suspend(() => (isOver(entry.task) ? Effect.void : broken(entry, tell)))),
      Effect.forkIn(scope)
    )
    return task
  })

  const tasks: Tasks = {
    start,
    account: (taskId, owner) =>
      Effect.map(find(taskId, owner), ({ error, given, questions, task }) => ({
        task,
        error,
        result: given,
        questions: new Map([...questions].map(([key, { request }]) => [key, request]))
      })),
    settled: (taskId) => Effect.flatMap(find(taskId), ({ pause }) => Deferred.await(pause)),
    update: (taskId, owner, answers) =>
      Effect.flatMap(find(taskId, owner), ({ questions }) =>
        Effect.forEach(
          Object.entries(answers),
          ([key, answer]) => {
            const open = questions.get(key)
            const given = open === undefined ? undefined : valid(open.request.method, answer)
            if (open === undefined || given === undefined) return Effect.void
            questions.delete(key)
            return Deferred.succeed(open.answer, given)
          },
          { discard: true }
        )
      ),
    forget: (taskId) => Effect.sync(() => void kept.delete(taskId)),
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
  readonly owner: string | undefined
  /** Done at the end, and at the first question. */
  readonly pause: Deferred.Deferred<void>
  given: Result | undefined
  /** Why there is no result. */
  error: ProtocolError | undefined
  readonly questions: Map<string, { readonly request: ClientRequest; readonly answer: Deferred.Deferred<unknown> }>
  asked: number
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
