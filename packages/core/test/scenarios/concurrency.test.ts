/* oxlint-disable max-lines -- a table, row after row */
import { Duration, Effect, Exit, Fiber } from "effect"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { Outcome } from "@lms-bridge/simulator/Faults"
import { MemoryFiles } from "@lms-bridge/testing/MemoryFileSystem"
import { inMemory, llama, qwen, qwen8, startProcess, type Options } from "../models/simulated.ts"
import {
  arrange,
  asked,
  asks,
  chatReply,
  chats,
  control,
  ensure,
  ensures,
  failing,
  fault,
  loadsBegun,
  says,
  scenarios,
  unload
} from "./scenario.ts"

const slow: Options = { simulator: { settings: { loadTime: Duration.seconds(4) } } }
const tight: Options = { simulator: { settings: { memoryBudgetBytes: 8e9, loadTime: Duration.seconds(2) } } }
const withModel =
  (model: string) =>
  <A, E, R>(use: Effect.Effect<A, E, R>) =>
    Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.withModel(model)(() => use))
const isLoading = control((lmStudio) =>
  lmStudio.until(({ instances, loading }) => loading.length > 0 || instances.length > 0)
)
const withLoads = <E, R>(told: Effect.Effect<string, E, R>) =>
  Effect.zipWith(told, loadsBegun, (text, count) => `${text} Loads begun: ${count}.`)
const memoryAfter = <E, R>(told: Effect.Effect<unknown, E, R>) =>
  Effect.zipRight(
    told,
    Effect.map(inMemory, (ids) => `In memory: ${ids.join(", ") || "nothing"}.`)
  )
const gone = Outcome.httpError(400, { error: { message: "Model unloaded." } })

scenarios("concurrency", [
  {
    id: "concurrency/hundred-callers",
    class: "concurrency",
    quirks: ["H2"],
    given: "A hundred callers ask for an unloaded model at once; LM Studio would load it many times.",
    options: slow,
    run: withLoads(
      Effect.map(
        Effect.all(
          Array.from({ length: 100 }, () => ensure(qwen)),
          { concurrency: "unbounded" }
        ),
        (all) => `${all.length} callers have ${[...new Set(all.map(({ instanceId }) => instanceId))].join(", ")}.`
      )
    ),
    expect: { outcome: /^100 callers have qwen\/qwen3-4b-2507\. Loads begun: 1\.$/ }
  },
  {
    id: "concurrency/twenty-requests-without-lms",
    class: "concurrency",
    quirks: ["H2"],
    given: "Twenty requests come at once and there is no `lms`; each of them would start a load of its own.",
    options: { ...slow, lms: false },
    run: withLoads(
      Effect.map(
        Effect.all(
          Array.from({ length: 20 }, () => chatReply(qwen)),
          { concurrency: "unbounded" }
        ),
        (all) => `${all.length} requests are answered by ${[...new Set(all.map(({ model }) => model))].join(", ")}.`
      )
    ),
    expect: { outcome: /^20 requests are answered by qwen\/qwen3-4b-2507\. Loads begun: 1\.$/ }
  },
  {
    id: "concurrency/failure-is-shared",
    class: "concurrency",
    given: "Ten callers wait for one load, and it fails; then somebody tries again.",
    options: slow,
    run: Effect.gen(function* () {
      yield* arrange((lmStudio) =>
        lmStudio.scriptLoads(qwen, [{ _tag: "Fails", message: "Failed to load model: broken file" }])
      )
      const errors = yield* Effect.all(
        Array.from({ length: 10 }, () => failing(ensure(qwen))),
        { concurrency: "unbounded" }
      )
      const again = yield* ensures(qwen)
      return yield* withLoads(
        Effect.succeed(
          `${errors.length} callers: ${[...new Set(errors.map(({ _tag }) => _tag))].join()}. Then ${again}`
        )
      )
    }),
    expect: { outcome: /^10 callers: ModelLoadFailed\. Then .* is loaded.*Loads begun: 2\.$/ }
  },
  {
    id: "concurrency/first-caller-leaves",
    class: "concurrency",
    given: "The caller who began a load gives up while a second one waits for it.",
    options: slow,
    run: Effect.gen(function* () {
      const first = yield* Effect.fork(ensure(qwen))
      yield* isLoading
      const second = yield* Effect.fork(ensures(qwen))
      yield* Effect.sleep("1 second")
      const left = Exit.isInterrupted(yield* Fiber.interrupt(first))
      return yield* withLoads(Effect.map(Fiber.join(second), (told) => `The first has left: ${left}. ${told}`))
    }),
    expect: { outcome: /^The first has left: true\. .*qwen3-4b-2507 is .*until idle.*Loads begun: 1\.$/ }
  },
  {
    id: "concurrency/two-processes",
    class: "concurrency",
    given: "Two lms-bridge processes on one machine want the same model.",
    options: slow,
    run: Effect.scoped(
      Effect.gen(function* () {
        const [one, two] = [yield* startProcess(), yield* startProcess()]
        const first = yield* Effect.fork(one.lifecycle.ensureLoaded(qwen))
        yield* isLoading
        const second = yield* two.lifecycle.ensureLoaded(qwen)
        const { action } = yield* Fiber.join(first)
        return yield* withLoads(Effect.succeed(`One: ${action}. The other: ${second.action}, of ${second.owner}.`))
      })
    ),
    expect: { outcome: /^One: loaded\. The other: already-loaded, of lms-bridge\. Loads begun: 1\.$/ }
  },
  {
    id: "concurrency/process-dies-while-loading",
    class: "concurrency",
    given: "A process is killed in the middle of a load and leaves its lock behind.",
    options: slow,
    run: Effect.scoped(
      Effect.gen(function* () {
        const one = yield* startProcess()
        yield* Effect.fork(one.lifecycle.ensureLoaded(qwen))
        yield* isLoading
        yield* one.crash
        const locks = [...(yield* (yield* MemoryFiles).all).keys()].filter((path) => path.includes("lock")).length
        const two = yield* startProcess()
        const { action, owner } = yield* two.lifecycle.ensureLoaded(qwen)
        return yield* withLoads(Effect.succeed(`Locks left: ${locks}. The next one: ${action}, of ${owner}.`))
      })
    ),
    expect: { outcome: /^Locks left: [1-9]\d*\. The next one: already-loaded, of lms-bridge\. Loads begun: 1\.$/ }
  },
  {
    id: "concurrency/requests-take-turns",
    class: "concurrency",
    given: "Six requests alternate between two models that do not fit together.",
    options: tight,
    run: Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      yield* Effect.all(
        [qwen8, qwen, qwen8, qwen, qwen8, qwen].map((model) =>
          lifecycle.withModel(model, { makeRoom: true })(() => Effect.sleep("5 seconds"))
        ),
        { concurrency: "unbounded" }
      )
      const loads = (yield* control((lmStudio) => lmStudio.events)).filter(({ type }) => type === "loadFinished")
      return `All six are served, those for the same model together. Loads: ${loads.length}.`
    }),
    expect: { outcome: /Loads: 2\.$/ }
  },
  {
    id: "concurrency/waits-for-itself",
    class: "concurrency",
    given: "A run that holds a model asks for another one that does not fit beside it.",
    options: tight,
    run: Effect.flatMap(ModelLifecycle, (lifecycle) =>
      lifecycle.withModel(qwen8)(() => lifecycle.withModel(qwen, { makeRoom: true })(() => Effect.succeed("")))
    ),
    expect: { tag: "ModelLoadRefused" }
  },
  {
    id: "concurrency/unload-while-leased",
    class: "concurrency",
    given: "A model is to be unloaded while a run works with it.",
    run: withModel(qwen)(Effect.as(unload(qwen), "")),
    expect: { tag: "ModelInUse", says: /held by a run/ }
  },
  {
    id: "concurrency/unload-while-leased-elsewhere",
    class: "concurrency",
    given: "A model is to be unloaded while a run of another process works with it.",
    run: Effect.scoped(
      Effect.gen(function* () {
        const [one, two] = [yield* startProcess(), yield* startProcess()]
        yield* one.lifecycle.lease(qwen)
        yield* two.lifecycle.unload(qwen)
        return ""
      })
    ),
    expect: { tag: "ModelInUse", says: /held by a run/ }
  },
  {
    id: "concurrency/unload-while-busy",
    class: "concurrency",
    given: "A model is to be unloaded while it generates for another program.",
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* arrange((lmStudio) => lmStudio.setBusy(qwen, "generating"))
      yield* unload(qwen)
      return ""
    }),
    expect: { tag: "ModelInUse", says: /answering a request/ }
  },
  {
    id: "concurrency/unload-the-users",
    class: "concurrency",
    given: "A model is to be unloaded that the user has loaded.",
    run: Effect.zipRight(
      arrange((lmStudio) => lmStudio.loadAsUser(qwen)),
      Effect.as(unload(qwen), "")
    ),
    expect: { tag: "ModelInUse", says: /not loaded by lms-bridge.*--force/ }
  },
  {
    id: "concurrency/unload-the-users-by-force",
    class: "concurrency",
    given: "The same with `--force`.",
    run: Effect.zipRight(
      arrange((lmStudio) => lmStudio.loadAsUser(qwen)),
      memoryAfter(unload(qwen, { force: true }))
    ),
    expect: { outcome: /^In memory: nothing\.$/ },
    allow: { unloadsOfUserModels: 1 }
  },
  {
    id: "concurrency/generating-model",
    class: "concurrency",
    given: "A model is asked for while it generates for another program.",
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* arrange((lmStudio) => lmStudio.setBusy(qwen, "generating"))
      return yield* withLoads(ensures(qwen))
    }),
    expect: { outcome: /already-loaded.*Loads begun: 1\.$/ }
  },
  {
    id: "concurrency/more-context-while-leased",
    class: "concurrency",
    given: "More context is asked for than a copy has that a run works with.",
    run: withModel(qwen)(
      Effect.zipWith(
        ensures(qwen, { contextLength: 16_384 }),
        inMemory,
        (told, ids) => `${told} In memory: ${ids.join(", ")}.`
      )
    ),
    expect: { outcome: /context of 16384.*In memory: qwen\/qwen3-4b-2507, qwen\/qwen3-4b-2507:lms-bridge\.$/ }
  },
  {
    id: "concurrency/ttl-passes-during-a-lease",
    class: "concurrency",
    given: "A run holds a model for longer than its TTL without asking it anything.",
    run: Effect.gen(function* () {
      yield* says({ text: "one" }, { text: "two" })
      const lifecycle = yield* ModelLifecycle
      return yield* lifecycle.withModel(qwen, { contextLength: 16_384, ttl: "2 minutes" })((lease) =>
        Effect.gen(function* () {
          yield* lease.chat({ messages: [{ role: "user", content: "hi" }] })
          yield* Effect.sleep("5 minutes")
          const { content } = yield* lease.chat({ messages: [{ role: "user", content: "hi" }] })
          const { action, contextLength } = yield* lease.ensured
          return `After the pause: ${action} with a context of ${contextLength}, and it answers "${content}".`
        })
      )
    }),
    expect: { outcome: /loaded with a context of 16384, and it answers "two"/ }
  },
  {
    id: "concurrency/reaper-and-lease",
    class: "concurrency",
    given: "The same with a model that we have to end ourselves, because REST loads know no TTL.",
    options: { lms: false },
    run: Effect.gen(function* () {
      yield* ensure(qwen, { contextLength: 8192, ttl: "10 minutes" })
      const during = yield* withModel(qwen)(Effect.zipRight(Effect.sleep("25 minutes"), inMemory))
      yield* Effect.sleep("12 minutes")
      return `In memory during the lease: ${during.join(", ")}; 12 minutes after it: ${(yield* inMemory).join(", ") || "nothing"}.`
    }),
    expect: { outcome: /during the lease: qwen\/qwen3-4b-2507; 12 minutes after it: nothing\.$/ }
  },
  {
    id: "concurrency/user-unloads-between-requests",
    class: "concurrency",
    given: "The user unloads the model between two requests of a run.",
    run: Effect.gen(function* () {
      yield* says({ text: "still here" })
      const lifecycle = yield* ModelLifecycle
      return yield* withLoads(
        lifecycle.withModel(qwen)((lease) =>
          Effect.gen(function* () {
            yield* arrange((lmStudio) => lmStudio.unloadAsUser(qwen))
            yield* fault("POST /v1/chat/completions", [gone])
            const { content } = yield* lease.chat({ messages: [{ role: "user", content: "hi" }] })
            return `It is loaded again and answers "${content}".`
          })
        )
      )
    }),
    expect: { outcome: /answers "still here"\. Loads begun: 2\.$/ }
  },
  {
    id: "concurrency/crashes-twice",
    class: "concurrency",
    given: "The model crashes, is loaded again, and crashes again in the same request.",
    run: Effect.zipRight(
      fault(
        "POST /v1/chat/completions",
        [],
        Outcome.httpError(400, {
          error: { message: "The model has crashed without additional information. (Exit code: 6)" }
        })
      ),
      chats(qwen)
    ),
    expect: { tag: "ModelCrashed", says: /Exit code: 6/ }
  },
  {
    id: "concurrency/crash-after-output",
    class: "concurrency",
    given: "The model crashes when part of its answer has been shown; it is not asked again.",
    run: Effect.zipRight(says({ text: "one two three four five six", crashAfterPieces: 1 }), chats(qwen)),
    expect: { tag: "ModelCrashed" }
  },
  {
    id: "concurrency/user-loads-under-our-id",
    class: "concurrency",
    given: "Our model is gone, the user has loaded it anew under the same id, and it is to be unloaded.",
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* arrange((lmStudio) => Effect.zipRight(lmStudio.unloadAsUser(qwen), lmStudio.loadAsUser(qwen)))
      yield* unload(qwen)
      return ""
    }),
    expect: { tag: "ModelInUse", says: /not loaded by lms-bridge/ }
  },
  {
    id: "concurrency/jit-might-evict",
    class: "concurrency",
    given: "There is no `lms`, and a load just in time could push out a model with a TTL that somebody else uses.",
    options: { lms: false },
    run: Effect.zipRight(
      arrange((lmStudio) => lmStudio.loadAsUser(llama, { ttl: "1 hour" })),
      Effect.zipWith(ensures(qwen), inMemory, (told, ids) => `${told} In memory: ${ids.join(", ")}.`)
    ),
    expect: { outcome: /by rest.*In memory: llama-3.2-3b-instruct, qwen\/qwen3-4b-2507\.$/ }
  },
  {
    id: "concurrency/queue-behind-others",
    class: "concurrency",
    given: "The instance works on four requests already, and a fifth has to wait its turn.",
    run: Effect.gen(function* () {
      yield* says(...Array.from({ length: 5 }, (_, index) => ({ text: `answer ${index}`, delayMs: 3000 })))
      yield* ensure(qwen)
      const all = yield* Effect.all(
        Array.from({ length: 5 }, () => chatReply(qwen)),
        { concurrency: "unbounded" }
      )
      return `${all.length} answers, ${new Set(all.map(({ content }) => content)).size} of them different.`
    }),
    expect: { outcome: /^5 answers, 5 of them different\.$/ }
  },
  {
    id: "concurrency/caller-leaves-in-mid-answer",
    class: "concurrency",
    quirks: ["H23"],
    given: "The caller leaves in the middle of an answer; LM Studio may first finish the prompt.",
    run: Effect.gen(function* () {
      yield* says({ text: "word ".repeat(100), pieceDelayMs: 1000, chunking: { words: 1 } })
      const lifecycle = yield* ModelLifecycle
      let heard = 0
      yield* Effect.ignore(
        lifecycle.withModel(qwen)((lease) =>
          lease.chatWith({ messages: [{ role: "user", content: "hi" }] }, ({ _tag }) =>
            _tag === "TextDelta" && ++heard === 3 ? Effect.fail("enough") : Effect.void
          )
        )
      )
      const idle = yield* control((lmStudio) =>
        lmStudio.until(({ instances }) => instances.every(({ status }) => status === "idle"))
      )
      yield* unload(qwen)
      return `After ${heard} pieces the socket is closed; the model is ${idle.instances[0]?.status} and can be unloaded.`
    }),
    expect: { outcome: /^After 3 pieces the socket is closed; the model is idle and can be unloaded\.$/ }
  },
  {
    id: "concurrency/wrong-model-answers",
    class: "concurrency",
    quirks: ["H4"],
    given: "The model is gone and another one is loaded, which LM Studio lets answer in its place.",
    options: { simulator: { settings: { jitLoading: false } } },
    run: Effect.gen(function* () {
      yield* says({ text: "I am llama" }, { text: "I am qwen" })
      const lifecycle = yield* ModelLifecycle
      return yield* lifecycle.withModel(qwen)((lease) =>
        Effect.gen(function* () {
          yield* arrange((lmStudio) => Effect.zipRight(lmStudio.loadAsUser(llama), lmStudio.crash(qwen)))
          const reply = yield* lease.chat({ messages: [{ role: "user", content: "hi" }] })
          return `${reply.model} answers "${reply.content}" after ${yield* asked("POST /v1/chat/completions")} requests.`
        })
      )
    }),
    expect: { outcome: /^qwen\/qwen3-4b-2507 answers "I am qwen" after 2 requests\.$/ }
  },
  {
    id: "concurrency/wrong-model-answers-a-bare-request",
    class: "concurrency",
    quirks: ["H4"],
    given: "A request names a model that nobody has, and the one model in memory answers for it.",
    run: Effect.gen(function* () {
      yield* arrange((lmStudio) => lmStudio.loadAsUser(qwen))
      yield* says({ text: "I am not who you asked." })
      return yield* asks("nonesuch")
    }),
    expect: { tag: "WrongModelAnswered", says: /"nonesuch" was requested, but "qwen\/qwen3-4b-2507" answered/ }
  }
])
