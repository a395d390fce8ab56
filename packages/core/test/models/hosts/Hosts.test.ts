/** Several LM Studios in place of one: where requests go, and what becomes of them when a host dies. */
import { HttpClient } from "@effect/platform"
import { CommandExecutor } from "@effect/platform/CommandExecutor"
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Fiber, Layer, Option, type Scope } from "effect"
import * as HostSetting from "#src/configuration/HostSetting.ts"
import { Settings, type Values } from "#src/configuration/Settings.ts"
import { LmStudioApi } from "#src/lmstudio/LmStudioApi.ts"
import * as HostChoice from "#src/models/hosts/HostChoice.ts"
import * as HostedServices from "#src/models/hosts/HostedServices.ts"
import { OnlyHost } from "#src/models/hosts/Hosts.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { Resilience } from "#src/resilience/Resilience.ts"
import { inVirtualTime } from "@lms-bridge/testing/VirtualTime"
import * as MemoryFileSystem from "@lms-bridge/testing/MemoryFileSystem"
import { SimulatorControl, type Control } from "@lms-bridge/simulator/SimulatorControl"
import * as SimulatorLayers from "@lms-bridge/simulator/SimulatorLayers"
import { llama, qwen, qwen8 } from "../simulated.ts"

const names = ["attic", "cellar"] as const
type Name = (typeof names)[number]

const hostsOf = (entries: Partial<Record<Name, object>>) =>
  Option.getOrThrow(
    HostSetting.decode(
      JSON.stringify(names.map((name) => ({ name, url: `http://${name}.local:1234`, ...entries[name] })))
    )
  )

interface Machines {
  readonly attic: Control
  readonly cellar: Control
}

interface Options {
  readonly entries?: Partial<Record<Name, object>>
  readonly settings?: Partial<Values>
  readonly simulators?: Partial<Record<Name, NonNullable<SimulatorLayers.LayerOptions["settings"]>>>
}

/** Two simulated LM Studios, and the services over them. */
const withHosts = <E>(
  { entries = {}, settings = {}, simulators = {} }: Options,
  body: (machines: Machines) => Effect.Effect<void, E, Services | Scope.Scope>
) =>
  inVirtualTime(
    Effect.scoped(
      Effect.gen(function* () {
        const scope = yield* Effect.scope
        const machine = (name: Name) =>
          Layer.buildWithScope(
            Layer.fresh(
              SimulatorLayers.layer({
                hosts: [`${name}.local`],
                settings: { loadTime: Duration.seconds(4), ...simulators[name] }
              })
            ),
            scope
          )
        const machines = { "attic.local": yield* machine("attic"), "cellar.local": yield* machine("cellar") }
        const client = HttpClient.make(
          (request, url) =>
            Context.get(machines[url.hostname as keyof typeof machines], HttpClient.HttpClient).execute(request) // no test asks elsewhere
        )
        const services = HostedServices.layer.pipe(
          Layer.provide(Layer.succeed(HttpClient.HttpClient, client)),
          Layer.provide(Layer.succeed(CommandExecutor, Context.get(machines["attic.local"], CommandExecutor))),
          Layer.provide(MemoryFileSystem.layer()),
          Layer.provide(
            Settings.layerWith({
              dataDir: Option.some("/data"),
              hosts: hostsOf(entries),
              modelConcurrency: 2,
              ...settings
            })
          )
        )
        const of = (name: `${Name}.local`) => Context.get(machines[name], SimulatorControl)
        yield* Effect.provide(body({ attic: of("attic.local"), cellar: of("cellar.local") }), services)
      })
    )
  )

type Services = ModelLifecycle | LmStudioApi | Resilience

const ask = { messages: [{ role: "user" as const, content: "Say hello." }], maxTokens: 20 }

const run = (name: string | undefined, pause: Duration.DurationInput = "2 seconds") =>
  Effect.flatMap(ModelLifecycle, (lifecycle) =>
    lifecycle.withModel(name)((lease) =>
      Effect.gen(function* () {
        const { host } = yield* lease.ensured
        yield* lease.chat(ask)
        yield* Effect.sleep(pause)
        const reply = yield* lease.chat(ask)
        return { first: host, last: (yield* lease.ensured).host, model: reply.model }
      })
    )
  )

const chats = (control: Control) =>
  Effect.map(control.seen, ({ requests }) => requests.filter(({ path }) => path.includes("chat/completions")).length)

describe("hosts", () => {
  it.effect("a request goes where its model is in memory", () =>
    withHosts({}, ({ attic, cellar }) =>
      Effect.gen(function* () {
        yield* attic.loadAsUser(llama)
        yield* cellar.loadAsUser(qwen)
        assert.deepInclude(yield* run(qwen), { first: "cellar", model: qwen })
        assert.deepInclude(yield* run(llama), { first: "attic", model: llama })
        const lifecycle = yield* ModelLifecycle
        const loaded = yield* lifecycle.loaded
        assert.deepStrictEqual(
          loaded.map(({ host, model }) => [host, model]),
          [
            ["attic", llama],
            ["cellar", qwen]
          ]
        )
        const here = yield* Effect.provideService(lifecycle.loaded, OnlyHost, Option.some("Cellar"))
        assert.deepStrictEqual(
          here.map(({ model }) => model),
          [qwen]
        )
      })
    )
  )

  it.effect("else where it fits, and only on a host that may serve it", () =>
    withHosts({ simulators: { attic: { memoryBudgetBytes: 4e9 } }, entries: { cellar: { models: ["qwen/*"] } } }, () =>
      Effect.gen(function* () {
        assert.deepInclude(yield* run(qwen8), { first: "cellar", model: qwen8 })
        assert.deepInclude(yield* run(llama), { first: "attic" })
        const models = yield* Effect.flatMap(LmStudioApi, (api) => api.models)
        assert.strictEqual(new Set(models.map(({ key }) => key)).size, models.length)
      })
    )
  )

  it.effect("a model on two hosts is balanced by their weights; callers at once load it once", () =>
    withHosts({ entries: { cellar: { weight: 3 } } }, ({ attic, cellar }) =>
      Effect.gen(function* () {
        const both = yield* Effect.all([run(qwen), run(qwen)], { concurrency: 2 })
        assert.deepStrictEqual(
          both.map(({ first }) => first),
          ["cellar", "cellar"]
        )
        yield* attic.loadAsUser(qwen)
        yield* Effect.sleep("2 seconds")
        const all = yield* Effect.all(
          Array.from({ length: 40 }, () => run(qwen)),
          { concurrency: 8 }
        )
        const onAttic = all.filter(({ first }) => first === "attic").length
        assert.isTrue(onAttic >= 6 && onAttic <= 16, `${onAttic} of 40`)
        assert.isAbove(yield* chats(cellar), yield* chats(attic))
      })
    )
  )

  it.effect("a host that is down is left out, and comes back", () =>
    withHosts({}, ({ attic, cellar }) =>
      Effect.gen(function* () {
        yield* attic.loadAsUser(qwen)
        assert.deepInclude(yield* run(qwen), { first: "attic" })
        yield* attic.setSettings({ serverRunning: false })
        yield* Effect.sleep("2 seconds")
        assert.deepInclude(yield* run(qwen), { first: "cellar", last: "cellar" })
        yield* cellar.setSettings({ serverRunning: false })
        yield* attic.setSettings({ serverRunning: true })
        yield* Effect.sleep("10 seconds")
        assert.deepInclude(yield* run(qwen), { first: "attic" })
      })
    )
  )

  it.effect("what is under way on a host that dies is asked again on another one, and each answer is the model's", () =>
    withHosts({}, ({ attic, cellar }) =>
      Effect.gen(function* () {
        yield* attic.loadAsUser(qwen)
        yield* cellar.loadAsUser(llama)
        const runs = yield* Effect.forEach(Array.from({ length: 12 }), (_, index) =>
          Effect.fork(Effect.delay(run(qwen, "5 seconds"), Duration.millis(index * 300)))
        )
        yield* Effect.sleep("4 seconds")
        yield* attic.setSettings({ serverRunning: false })
        const done = yield* Effect.forEach(runs, Fiber.join)
        assert.deepStrictEqual(new Set(done.map(({ model }) => model)), new Set([qwen]))
        assert.isTrue(done.every(({ last }) => last === "cellar"))
        assert.isTrue(done.some(({ first }) => first === "attic"))
        const breakers = yield* Effect.flatMap(Resilience, (resilience) => resilience.breakers)
        assert.strictEqual(breakers.filter(({ name }) => name.startsWith("attic.local:1234")).length, 4)
        assert.strictEqual(breakers.length, 8)
      })
    )
  )

  it.effect("when all are gone, a run waits for one to come back", () =>
    withHosts({ simulators: { cellar: { serverRunning: false } } }, ({ attic }) =>
      Effect.gen(function* () {
        const begun = yield* Effect.fork(run(qwen, "20 seconds"))
        yield* Effect.sleep("10 seconds")
        yield* attic.setSettings({ serverRunning: false })
        yield* Effect.sleep("20 seconds")
        yield* attic.setSettings({ serverRunning: true })
        assert.deepInclude(yield* Fiber.join(begun), { first: "attic", last: "attic" })
      })
    )
  )

  it.effect("that never answered are reported at once", () =>
    withHosts({ simulators: { attic: { serverRunning: false }, cellar: { serverRunning: false } } }, () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(run(qwen))
        assert.isTrue(Exit.isFailure(exit))
        assert.include(JSON.stringify(exit), "attic.local")
      })
    )
  )

  it.effect("an unknown model is told what all of them have, and unload takes every copy", () =>
    withHosts({}, ({ attic, cellar }) =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const error = yield* Effect.flip(lifecycle.resolve("qwen/qwen3-4b-2508"))
        assert.include(error.message, `Did you mean ${qwen}`)
        yield* attic.loadAsUser(qwen)
        yield* cellar.loadAsUser(qwen)
        yield* lifecycle.unload(qwen, { force: true })
        assert.deepStrictEqual(yield* lifecycle.loaded, [])
      })
    )
  )

  it.effect("a token comes from a variable; without it the host is left out, and said why", () =>
    withHosts(
      { entries: { attic: { token: "${env:NO_SUCH_TOKEN}" } }, settings: { defaultModel: Option.some(qwen) } },
      () => Effect.map(run(undefined), (done) => assert.deepInclude(done, { first: "cellar", model: qwen }))
    )
  )
})

describe("the setting", () => {
  it("refuses what is no list of hosts", () => {
    const good = { name: "attic", url: "http://attic:1234/v1/" }
    assert.deepInclude(Option.getOrThrow(HostSetting.decode(JSON.stringify([good])))[0], {
      url: "http://attic:1234",
      weight: 1,
      models: ["*"]
    })
    for (const bad of [
      [{ name: "attic" }],
      [good, good],
      [{ ...good, name: "a b" }],
      [{ ...good, url: "attic:1234" }],
      [{ ...good, weight: 0 }],
      [{ ...good, token: "secret" }],
      [{ ...good, models: [""] }],
      [{ ...good, wieght: 2 }]
    ]) {
      assert.isTrue(Option.isNone(HostSetting.decode(JSON.stringify(bad))), JSON.stringify(bad))
    }
  })
})

describe("the order of hosts", () => {
  const host = (changes: Partial<HostChoice.Candidate>) => ({
    weight: 1,
    resident: false,
    active: 0,
    slots: 2,
    ...changes
  })

  it("is: resident with a slot, a free slot, resident, the rest; then the shortest queue for its weight", () => {
    const full = host({ active: 5 })
    const fullResident = host({ active: 9, resident: true })
    const free = host({})
    const heavy = host({ weight: 2 })
    const resident = host({ resident: true, active: 1 })
    assert.deepStrictEqual(HostChoice.inOrder([full, fullResident, free, resident, heavy]), [
      resident,
      heavy,
      free,
      fullResident,
      full
    ])
  })
})
