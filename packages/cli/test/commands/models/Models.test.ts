import { assert, describe, it } from "@effect/vitest"
import { type GetProgress, LmsCliError } from "@lms-bridge/core/LmsCli"
import { LmStudioUnreachable, ModelNotFound, ModelNotLoaded } from "@lms-bridge/core/LmStudioApi"
import { type Ensured, type EnsureOptions, type LoadedModel, ModelInUse } from "@lms-bridge/core/ModelLifecycle"
import { apiModel } from "@lms-bridge/testing/LmStudioApiTest"
import { Duration, Effect, Fiber, Ref, Stream, TestClock } from "effect"
import { cli } from "../../OverDoubles.ts"

const loaded = (instanceId: string, changes: Partial<LoadedModel> = {}): LoadedModel => ({
  model: instanceId,
  instanceId,
  type: "llm",
  owner: "lms-bridge",
  leases: 0,
  ...changes
})

const ensured: Ensured = {
  model: "qwen/qwen3-4b",
  instanceId: "qwen/qwen3-4b",
  action: "loaded",
  way: "cli",
  owner: "lms-bridge",
  contextLength: 8192,
  ttlMillis: 600_000,
  tookMillis: 2300,
  steppedDown: []
}

const unreachable = Effect.fail(new LmStudioUnreachable({ baseUrl: "http://127.0.0.1:1", reason: "Refused" }))

describe("models ls", () => {
  const models = Effect.succeed([
    apiModel("qwen/qwen3-4b", { sizeBytes: 2.5 * 2 ** 30, params: "4B", instances: [{ id: "qwen/qwen3-4b:2" }] }),
    apiModel("nomic", { type: "embedding", toolUse: false })
  ])

  it.effect("lists the models as a table", () =>
    Effect.gen(function* () {
      const { code, out } = yield* cli(["models", "ls"], { api: { models } })
      assert.strictEqual(code, 0)
      assert.strictEqual(
        out,
        [
          "MODEL          TYPE       PARAMS  SIZE     MAX CONTEXT  CAN         LOADED",
          "qwen/qwen3-4b  llm        4B      2.5 GiB  32768        tools       qwen/qwen3-4b:2",
          "nomic          embedding                   32768        embeddings"
        ].join("\n")
      )
    })
  )

  it.effect("lists them as JSON", () =>
    Effect.gen(function* () {
      const { out } = yield* cli(["models", "ls", "--json"], { api: { models } })
      assert.deepStrictEqual(
        JSON.parse(out).map(({ key, type }: { key: string; type: string }) => [key, type]),
        [
          ["qwen/qwen3-4b", "llm"],
          ["nomic", "embedding"]
        ]
      )
    })
  )

  it.effect("ends with 3 and says what to do when LM Studio is not there", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* cli(["models", "ls", "--json"], { api: { models: unreachable } })
      assert.strictEqual(code, 3)
      assert.deepInclude(JSON.parse(out).error, { tag: "LmStudioUnreachable", exitCode: 3 })
      assert.match(err, /^lms-bridge: LM Studio does not answer at http:\/\/127\.0\.0\.1:1 .*Start its server.*$/)
    })
  )
})

/** The command begins with work that the clock of the test does not move. */
const firstLook = (looks: Ref.Ref<number>) =>
  Effect.promise(() => new Promise((resolve) => setImmediate(resolve))).pipe(
    Effect.zipRight(Ref.get(looks)),
    Effect.repeat({ until: (n) => n > 0 })
  )

describe("models ps", () => {
  it.effect("shows status, context, idle limit with the time left, and owner", () =>
    Effect.gen(function* () {
      const { out } = yield* cli(["models", "ps"], {
        lifecycle: {
          loaded: Effect.succeed([
            loaded("a", { status: "idle", contextLength: 4096, ttlMillis: 600_000, expiresAt: 300_000, leases: 1 }),
            loaded("b:2", { model: "b", owner: "user", status: "generating", ttlMillis: null }),
            loaded("c")
          ])
        }
      })
      assert.strictEqual(
        out,
        [
          "INSTANCE  MODEL  STATUS      CONTEXT  IDLE LIMIT           OWNER       RUNS",
          "a                idle        4096     10 min (5 min left)  lms-bridge  1",
          "b:2       b      generating           none                 you",
          "c                                     unknown              lms-bridge"
        ].join("\n")
      )
    })
  )

  it.effect("with --watch prints again only when something has changed", () =>
    Effect.gen(function* () {
      const looks = yield* Ref.make(0)
      const lifecycle = {
        loaded: Effect.map(
          Ref.updateAndGet(looks, (n) => n + 1),
          (n) => (n < 4 ? [loaded("a", { ttlMillis: 60_000, expiresAt: 60_000 })] : [])
        )
      }
      const fiber = yield* Effect.fork(cli(["models", "ps", "--watch"], { lifecycle, screen: { closedAfter: 1 } }))
      yield* firstLook(looks)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Ref.get(looks), 3)
      assert.isNull(fiber.unsafePoll())
      // the fourth look is the first with a change, for which there is no reader any more
      yield* TestClock.adjust("1 second")
      const { code, out } = yield* Fiber.join(fiber)
      assert.strictEqual(code, 141)
      assert.match(out, /^INSTANCE.*\na .*60 s left/)
    })
  )

  it.effect("with --watch survives an LM Studio that stops and starts, and reports each change once", () =>
    Effect.gen(function* () {
      const looks = yield* Ref.make(0)
      const lifecycle = {
        loaded: Effect.flatMap(
          Ref.updateAndGet(looks, (n) => n + 1),
          (n) => (n === 2 || n === 3 ? unreachable : Effect.succeed([loaded(n < 4 ? "a" : "b")]))
        )
      }
      const fiber = yield* Effect.fork(cli(["models", "ps", "--watch"], { lifecycle, screen: { closedAfter: 1 } }))
      yield* firstLook(looks)
      yield* TestClock.adjust("3 seconds")
      const { err } = yield* Fiber.join(fiber)
      assert.lengthOf(err.split("\n"), 1)
      assert.include(err, "does not answer")
    })
  )

  it.effect("says so when nothing is loaded, and prints an empty list as JSON", () =>
    Effect.gen(function* () {
      const lifecycle = { loaded: Effect.succeed([]) }
      assert.strictEqual((yield* cli(["models", "ps"], { lifecycle })).out, "No model is loaded.")
      assert.strictEqual((yield* cli(["models", "ps", "--json"], { lifecycle })).out, "[]")
    })
  )
})

describe("models estimate", () => {
  it.effect("says how much memory a model needs, and by its exit code whether it can be loaded", () =>
    Effect.gen(function* () {
      const asked: Array<unknown> = []
      const needs = (fits: boolean) => ({
        lifecycle: { resolve: () => Effect.succeed("qwen/qwen3-4b") },
        lms: {
          estimate: (options: unknown) => {
            asked.push(options)
            return Effect.succeed({ fits, totalBytes: 3 * 2 ** 30, gpuBytes: 2 ** 30 })
          }
        }
      })
      const fits = yield* cli(["models", "estimate", "qwen", "--context-length", "8192", "--gpu", "max"], needs(true))
      assert.deepStrictEqual(asked, [{ key: "qwen/qwen3-4b", contextLength: 8192, gpu: "max" }])
      assert.deepInclude(fits, {
        code: 0,
        out: "qwen/qwen3-4b needs about 3 GiB, 1 GiB of it on the GPU, and can be loaded now."
      })
      const refused = yield* cli(["models", "estimate", "qwen", "--json"], needs(false))
      assert.strictEqual(refused.code, 4)
      assert.deepInclude(JSON.parse(refused.out), { model: "qwen/qwen3-4b", fits: false, totalBytes: 3 * 2 ** 30 })
    })
  )
})

describe("models get", () => {
  const steps: ReadonlyArray<GetProgress> = [
    { _tag: "Downloading", fraction: 0.01, detail: "12 MB / 1.2 GB" },
    { _tag: "Downloading", fraction: 0.02, detail: "24 MB / 1.2 GB" },
    { _tag: "Downloading", fraction: 0.55, detail: "660 MB / 1.2 GB" },
    { _tag: "Done", alreadyDownloaded: false }
  ]

  it.effect("reports progress on stderr, one line for each tenth, and the end on stdout", () =>
    Effect.gen(function* () {
      const lms = { get: () => Stream.fromIterable(steps) }
      const { code, err, out } = yield* cli(["models", "get", "google/gemma-3-4b"], { lms })
      assert.strictEqual(code, 0)
      assert.strictEqual(err, "google/gemma-3-4b: 1 % 12 MB / 1.2 GB\ngoogle/gemma-3-4b: 55 % 660 MB / 1.2 GB")
      assert.strictEqual(out, "google/gemma-3-4b is downloaded.")
      const json = yield* cli(["models", "get", "x", "--json"], { lms })
      assert.deepStrictEqual(
        json.out.split("\n").map((line) => JSON.parse(line)._tag),
        steps.map(({ _tag }) => _tag)
      )
    })
  )

  it.effect("fails with the words of `lms` for an unknown name", () =>
    Effect.gen(function* () {
      const get = () => Stream.fail(new LmsCliError({ reason: "ModelNotFound", subcommand: "get", detail: "none" }))
      assert.strictEqual((yield* cli(["models", "get", "nonesuch"], { lms: { get } })).code, 4)
    })
  )
})

describe("models load and ensure", () => {
  it.effect("pass their options on, report progress on stderr and the result on stdout", () =>
    Effect.gen(function* () {
      const seen: Array<readonly [string | undefined, EnsureOptions | undefined]> = []
      const lifecycle = {
        ensureLoaded: (name: string | undefined, options?: EnsureOptions) => {
          seen.push([name, options])
          const model = "qwen/qwen3-4b"
          return Effect.as(
            Effect.forEach(
              [
                { _tag: "Loading", model, way: "cli", progress: 0.5 },
                { _tag: "Loading", model, way: "cli", progress: 0.9 },
                { _tag: "Verifying", model }
              ] as const,
              (progress) => options?.onProgress?.(progress) ?? Effect.void
            ),
            ensured
          )
        }
      }
      const words =
        "--ttl 5m --context-length 8192 --gpu 0.5 --parallel 2 --identifier mine --fallback a --fallback b --make-room --temporary".split(
          " "
        )
      const { code, err, out } = yield* cli(["models", "load", "qwen", ...words], { lifecycle })
      assert.strictEqual(code, 0)
      const [name, options] = seen[0] ?? []
      assert.strictEqual(name, "qwen")
      assert.deepInclude(options, {
        ttl: Duration.minutes(5),
        contextLength: 8192,
        gpu: 0.5,
        parallel: 2,
        fallback: ["a", "b"],
        identifier: "mine",
        makeRoom: true,
        temporary: true
      })
      assert.strictEqual(err, "qwen/qwen3-4b: loading 50 %\nqwen/qwen3-4b: verifying")
      assert.strictEqual(out, "qwen/qwen3-4b is loaded in 2.3 s (context 8192, unloaded after 10 min idle)")

      const json = yield* cli(["models", "ensure", "--json"], { lifecycle })
      assert.strictEqual(seen[1]?.[0], undefined)
      assert.deepStrictEqual(JSON.parse(json.out), ensured)
    })
  )

  it.effect("end with 4 when there is no such model", () =>
    Effect.gen(function* () {
      const error = new ModelNotFound({ model: "qwem", available: [], nearest: ["qwen/qwen3-4b"] })
      const { code, err } = yield* cli(["models", "ensure", "qwem"], {
        lifecycle: { ensureLoaded: () => Effect.fail(error) }
      })
      assert.strictEqual(code, 4)
      assert.strictEqual(err, 'lms-bridge: There is no model "qwem". Did you mean qwen/qwen3-4b?')
    })
  )
})

describe("what models load says of --ttl", () => {
  const loading = (ttl: string, changes: Partial<Ensured> = {}) =>
    cli(["models", "load", "m", "--ttl", ttl], {
      lifecycle: { ensureLoaded: () => Effect.succeed({ ...ensured, ...changes }) }
    })

  it.effect("says that it does not change a loaded model, and that it exceeds the maximum", () =>
    Effect.gen(function* () {
      const loadedBefore = yield* loading("5m", { action: "already-loaded" })
      assert.strictEqual(loadedBefore.code, 0)
      assert.match(loadedBefore.err, /^--ttl 5m has no effect.*`lms-bridge models unload qwen\/qwen3-4b` first\.$/)
      assert.match(
        (yield* loading("2h", { ttlMillis: 3_600_000 })).err,
        /^--ttl 2h is more than LMS_BRIDGE_TTL_MAX.*1h\.$/
      )
      assert.strictEqual((yield* loading("10m")).err, "")
      assert.strictEqual((yield* loading("10m", { action: "already-loaded" })).err, "")
    })
  )

  it.effect("refuses an empty name, instead of using the default model", () =>
    Effect.gen(function* () {
      for (const command of ["load", "ensure", "unload"]) {
        const { code, err } = yield* cli(["models", command, ""])
        assert.strictEqual(code, 2, command)
        assert.include(err, "is empty")
      }
    })
  )
})

describe("models unload", () => {
  const lifecycle = (calls: Array<string>) => ({
    loaded: Effect.succeed([loaded("qwen", { model: "qwen" }), loaded("qwen:2", { model: "qwen" }), loaded("mine")]),
    unload: (instanceId: string, options?: { readonly force?: boolean | undefined }) => {
      calls.push(`${instanceId}${options?.force === true ? " force" : ""}`)
      return instanceId === "mine" && options?.force !== true
        ? Effect.fail(new ModelInUse({ instanceId, reason: "UserLoaded" }))
        : Effect.void
    }
  })

  it.effect("takes an instance, or a model with all its instances", () =>
    Effect.gen(function* () {
      const calls: Array<string> = []
      yield* cli(["models", "unload", "QWEN:2"], { lifecycle: lifecycle(calls) })
      assert.deepStrictEqual(calls, ["qwen:2"])
      const { code, out } = yield* cli(["models", "unload", "qwen"], { lifecycle: lifecycle(calls) })
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(calls.slice(1), ["qwen", "qwen:2"])
      assert.strictEqual(out, "qwen is unloaded.\nqwen:2 is unloaded.")
    })
  )

  it.effect("leaves what it may not unload, continues with the rest, and says why", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* cli(["models", "unload", "--all"], { lifecycle: lifecycle([]) })
      assert.strictEqual(code, 1)
      assert.strictEqual(out, "qwen is unloaded.\nqwen:2 is unloaded.")
      assert.match(err, /"mine" was not loaded by lms-bridge.*--force/)
      const json = yield* cli(["models", "unload", "--all", "--json"], { lifecycle: lifecycle([]) })
      assert.deepStrictEqual(
        JSON.parse(json.out).map((entry: { unloaded: boolean }) => entry.unloaded),
        [true, true, false]
      )
      const calls: Array<string> = []
      assert.strictEqual(
        (yield* cli(["models", "unload", "--all", "--force"], { lifecycle: lifecycle(calls) })).code,
        0
      )
      assert.include(calls, "mine force")
    })
  )

  it.effect("does not advise to load a model that should be unloaded", () =>
    Effect.gen(function* () {
      const { code, err } = yield* cli(["models", "unload", "other"], {
        lifecycle: { loaded: Effect.succeed([]), unload: () => Effect.fail(new ModelNotLoaded({ model: "other" })) }
      })
      assert.strictEqual(code, 4)
      assert.strictEqual(
        err,
        'lms-bridge: Model "other" is not loaded. `lms-bridge models ps` lists the loaded models.'
      )
    })
  )

  it.effect("passes a name that is not loaded to the life cycle, which says what is wrong", () =>
    Effect.gen(function* () {
      const calls: Array<string> = []
      yield* cli(["models", "unload", "other"], { lifecycle: lifecycle(calls) })
      assert.deepStrictEqual(calls, ["other"])
    })
  )
})
