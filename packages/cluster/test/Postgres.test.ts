/** What PostgreSQL has to hold: the fence of the journal, and who gets what from the queue. */
import { assert, describe, it } from "@effect/vitest"
import * as PersistedQueue from "@effect/experimental/PersistedQueue"
import { SqlClient } from "@effect/sql/SqlClient"
import type { AgentEventBody } from "@lms-bridge/core/AgentEvent"
import { stamp } from "@lms-bridge/core/AgentEvent"
import { RunId, RunJournal } from "@lms-bridge/core/RunJournal"
import { Clock, Deferred, Effect, Either, Fiber, Layer, Option } from "effect"
import { Item, queueName } from "#src/AgentRun.ts"
import * as Journal from "#src/Journal.ts"
import { migrate } from "#src/Migration.ts"
import * as Queue from "#src/Queue.ts"
import * as Submissions from "#src/Submissions.ts"
import * as database from "./database.ts"

const task = {
  task: "Count.",
  servers: { _tag: "None" as const },
  budgets: { rounds: 3, wallMillis: 60_000, toolCalls: 5 }
}
const event = (runId: RunId, seq: number, text = "") => {
  const body: AgentEventBody = seq === 0 ? { _tag: "RunStarted", task } : { _tag: "Noted", kind: "test", text }
  return stamp(body, runId, seq, 1000 + seq)
}

const item = (id: string, changes: Partial<(typeof Item.Type)["payload"]> = {}) =>
  Item.make({
    token: "token" as (typeof Item.Type)["token"],
    traceId: "t",
    spanId: "s",
    sampled: false,
    payload: {
      runId: id,
      from: 0,
      caller: "ann",
      model: null,
      priority: 0,
      host: null,
      how: null,
      part: 0,
      avoid: null,
      releases: 0,
      ...changes
    }
  })

const offered = Effect.fnUntraced(function* (items: ReadonlyArray<typeof Item.Type>) {
  const queue = yield* PersistedQueue.make({ name: queueName, schema: Item })
  yield* Effect.forEach(items, (one) => queue.offer(one, { id: one.payload.runId }), { discard: true })
})

const worker = (host: string) =>
  Queue.layer.pipe(
    Layer.provide(
      Layer.succeed(Queue.Taker, {
        host,
        models: Effect.succeed({ servable: ["small"], loaded: [] }),
        isOpen: Effect.succeed(true)
      })
    )
  )

/** Takes so many as this host, and keeps all of them until the last is there. */
const taken = (host: string, count: number) =>
  Effect.gen(function* () {
    const queue = yield* PersistedQueue.make({ name: queueName, schema: Item })
    const all: Array<string> = []
    const enough = yield* Deferred.make<void>()
    for (let index = 0; index < count; index++) {
      yield* Effect.fork(
        queue.take(({ payload }) =>
          Effect.gen(function* () {
            all.push(payload.runId)
            if (all.length === count) yield* Deferred.succeed(enough, undefined)
            yield* Deferred.await(enough)
          })
        )
      )
      yield* Effect.repeat(Effect.sleep("20 millis"), { until: () => all.length > index })
    }
    yield* Deferred.await(enough)
    yield* Effect.sleep("100 millis")
    return all
  }).pipe(Effect.scoped, Effect.provide(worker(host)))

const emptied = Effect.flatMap(
  SqlClient,
  (sql) => sql`truncate lms_queue, lms_runs, lms_run_events, lms_answers, lms_callers`
)

describe.skipIf(!database.isThere)("PostgreSQL", { sequential: true }, () => {
  const layer = Layer.provideMerge(Journal.layer, database.shared())
  const test = <A, E>(name: string, body: Effect.Effect<A, E, Layer.Layer.Success<typeof layer>>) =>
    it.live(name, () => Effect.provide(body, layer))

  test(
    "the journal stores all or nothing, and who does not know all of it is fenced off",
    Effect.gen(function* () {
      const journal = yield* RunJournal
      const runId = RunId.make("run_fence")
      const first = yield* journal.open(runId)
      yield* first([event(runId, 0), event(runId, 1), event(runId, 2)])
      const mine = yield* journal.open(runId, 2)
      const theirs = yield* journal.open(runId, 2)
      yield* theirs([event(runId, 3, "theirs")])
      const lost = yield* Effect.either(mine([event(runId, 3, "mine"), event(runId, 4, "mine")]))
      assert.isTrue(Either.isLeft(lost) && lost.left._tag === "RunTakenOver")
      // the same again is our own, whose answer was lost
      const again = yield* journal.open(runId, 2)
      yield* again([event(runId, 3, "theirs")])
      assert.deepStrictEqual(
        (yield* journal.read(runId)).map(({ seq }) => seq),
        [0, 1, 2, 3]
      )
    }).pipe(Effect.scoped)
  )

  test(
    "the journal of a restored database takes nothing after what it does not know",
    Effect.gen(function* () {
      const journal = yield* RunJournal
      const sql = yield* SqlClient
      const runId = RunId.make("run_gap")
      const write = yield* journal.open(runId)
      yield* write([event(runId, 0), event(runId, 1)])
      yield* sql`delete from lms_run_events where run_id = ${runId} and pos = 1`
      assert.isTrue(Either.isLeft(yield* Effect.either(write([event(runId, 2)]))))
    }).pipe(Effect.scoped)
  )

  test(
    "the queue: by priority, callers in turns, the oldest first, and what is for another host stays",
    Effect.gen(function* () {
      yield* emptied
      yield* Effect.provide(
        offered([
          item("a1"),
          item("a2"),
          item("b1", { caller: "bob" }),
          item("a3"),
          item("b2", { caller: "bob" }),
          item("first", { priority: 1 }),
          item("elsewhere", { host: "other", priority: 9 }),
          item("unservable", { model: "large", priority: 9 }),
          item("avoided", { model: "small", priority: -1 })
        ]),
        Queue.layerOffer
      )
      assert.deepStrictEqual(yield* taken("here", 6), ["first", "b1", "a1", "b2", "a2", "a3"])
    })
  )

  test(
    "callers take turns also where one thing is done at a time",
    Effect.gen(function* () {
      yield* emptied
      const all = ["ann", "bob", "cleo"].flatMap((caller) =>
        [1, 2, 3].map((number) => item(`${caller}${number}`, { caller }))
      )
      yield* Effect.provide(offered(all), Queue.layerOffer)
      const order: Array<string> = []
      for (let turn = 0; turn < 9; turn++) order.push(...(yield* taken("here", 1)))
      assert.deepStrictEqual(
        order.map((id) => id.replace(/\D/g, "")),
        ["1", "1", "1", "2", "2", "2", "3", "3", "3"]
      )
    })
  )

  test(
    "a caller with nothing under way waits for one of each other, and for those that are taken at the same moment",
    Effect.gen(function* () {
      yield* emptied
      const callers = 6
      const all = Array.from({ length: callers * 8 }, (_, index) =>
        item(`n${index}`, { caller: `c${Math.floor(index / 8)}` })
      )
      yield* Effect.provide(offered(all), Queue.layerOffer)
      const spans: Array<{ readonly caller: string; readonly began: number; ended: number }> = []
      let clock = 0
      const hosts = ["h1", "h2", "h3", "h4"]
      const work = Effect.gen(function* () {
        const queue = yield* PersistedQueue.make({ name: queueName, schema: Item })
        const one = queue.take(({ payload: { caller } }) =>
          Effect.suspend(() => {
            const span = { caller, began: ++clock, ended: 0 }
            spans.push(span)
            return Effect.ensuring(
              Effect.sleep("30 millis"),
              Effect.sync(() => (span.ended = ++clock))
            )
          })
        )
        yield* Effect.replicateEffect(Effect.forkScoped(Effect.forever(one)), 2)
        yield* Effect.repeat(Effect.sleep("20 millis"), {
          until: () => spans.filter(({ ended }) => ended > 0).length >= all.length
        })
      })
      yield* Effect.forEach(hosts, (host) => Effect.scoped(Effect.provide(work, worker(host))), {
        concurrency: "unbounded"
      })
      const last = new Map<string, number>()
      let most = 0
      for (const { began, caller, ended } of spans) {
        const free = last.get(caller) ?? 0
        const others = spans.filter((other) => other.caller !== caller && other.began > free && other.began < began)
        most = Math.max(most, others.length)
        last.set(caller, Math.max(free, ended))
      }
      assert.isAtMost(most, callers - 1 + hosts.length * 2)
    })
  )

  test(
    "what a worker had that died goes to another when its lease is over, and says so",
    Effect.gen(function* () {
      yield* emptied
      yield* Effect.provide(offered([item("one")]), Queue.layerOffer)
      const sql = yield* SqlClient
      yield* sql`update lms_queue set taken_by = 'dead', attempts = 1,
            taken_until = clock_timestamp() + interval '0.7 seconds'`
      const began = yield* Clock.currentTimeMillis
      assert.deepStrictEqual(yield* taken("here", 1), ["one"])
      assert.isAbove((yield* Clock.currentTimeMillis) - began, 600)
      assert.deepStrictEqual(yield* sql`select done, attempts from lms_queue`, [{ done: true, attempts: 2 }])
    })
  )

  test(
    "no part is taken twice by many at once",
    Effect.gen(function* () {
      yield* emptied
      yield* Effect.provide(
        offered(Array.from({ length: 24 }, (_, index) => item(`n${index}`, { caller: `c${index % 3}` }))),
        Queue.layerOffer
      )
      const fibers = yield* Effect.forEach(["h1", "h2", "h3"], (host) => Effect.fork(taken(host, 8)))
      const all = (yield* Effect.forEach(fibers, Fiber.join)).flat()
      assert.strictEqual(new Set(all).size, 24)
    })
  )

  test(
    "a part in another form is left to others",
    Effect.gen(function* () {
      yield* emptied
      yield* Effect.provide(offered([item("odd", { priority: 5 }), item("even")]), Queue.layerOffer)
      const sql = yield* SqlClient
      yield* sql`update lms_queue set element = '{"another":"form"}' where id = 'odd'`
      assert.deepStrictEqual(yield* taken("here", 1), ["even"])
      const rows = yield* sql`select done, attempts, taken_by from lms_queue where id = 'odd'`
      assert.deepStrictEqual(rows, [{ done: false, attempts: 0, taken_by: null }])
    })
  )

  test(
    "who has lost a part says nothing of its run",
    Effect.gen(function* () {
      yield* emptied
      yield* Effect.provide(offered([item("run_held")]), Queue.layerOffer)
      const sql = yield* SqlClient
      yield* sql`insert into lms_runs (run_id, state) values ('run_held', 'running')`
      yield* sql`update lms_queue set taken_by = 'second', taken_until = clock_timestamp() + interval '1 minute'`
      const first = { id: "run_held", holder: "first" }
      assert.isFalse(yield* Submissions.waiting("run_held", 7, first))
      assert.isFalse(yield* Submissions.running("run_held", "w1", first))
      assert.isTrue(yield* Submissions.waiting("run_held", 7, { ...first, holder: "second" }))
    })
  )

  test(
    "the tables may be made by many at once, and a copy of them is told",
    Effect.gen(function* () {
      yield* emptied
      yield* Effect.all(
        Array.from({ length: 4 }, () => migrate),
        { concurrency: "unbounded" }
      )
      const sql = yield* SqlClient
      yield* sql`insert into lms_runs (run_id, state) values ('run_open', 'queued'), ('run_over', 'ended')`
      yield* Submissions.doubtRestored
      const doubted = sql`select run_id from lms_runs where doubted`
      assert.deepStrictEqual(yield* doubted, [])
      yield* sql`update lms_origin set id = 'another database'`
      yield* Submissions.doubtRestored
      assert.deepStrictEqual(yield* doubted, [{ run_id: "run_open" }])
      assert.isTrue(Option.isNone(Option.fromNullable(yield* Journal.unreadable("run_open"))))
    })
  )
})
