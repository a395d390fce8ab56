import { assert, describe, it } from "@effect/vitest"
import { RunJournal } from "@lms-bridge/core/RunJournal"
import { LmsCli } from "@lms-bridge/core/LmsCli"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import { Resilience } from "@lms-bridge/core/Resilience"
import { Settings } from "@lms-bridge/core/Settings"
import { serveHttp } from "#src/http/serveHttp.ts"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import * as LmStudioApiTest from "@lms-bridge/testing/LmStudioApiTest"
import * as McpRegistryTest from "@lms-bridge/testing/McpRegistryTest"
import * as UnusedServices from "@lms-bridge/testing/UnusedServices"
import { always } from "@lms-bridge/testing/Scripted"
import { Deferred, Effect, Fiber, Layer, Option, Redacted } from "effect"
import { createHash } from "node:crypto"
import { request } from "node:http"

const aRun = AgentLoopTest.oneCall({
  server: "files",
  tool: "list_directory",
  arguments: {},
  result: "a.md",
  answer: "There is a.md."
})

const services = Layer.mergeAll(
  AgentLoopTest.layerTest([...aRun.slice(0, -1), { _tag: "Wait", duration: "200 millis" }, ...aRun.slice(-1)]),
  RunJournal.layerMemory,
  LmStudioApiTest.layerTest({ models: [always(Effect.succeed([LmStudioApiTest.apiModel("qwen3-8b")]))] }),
  McpRegistryTest.layerTest({ files: {} }),
  Layer.mock(LmsCli, { get: () => assert.fail(), logStream: () => assert.fail() }),
  Layer.mock(ModelLifecycle, { withModel: () => () => Effect.die("unused"), loaded: Effect.succeed([]) }),
  UnusedServices.layer,
  Settings.layerWith({}),
  Resilience.layer.pipe(Layer.provide(Settings.layerWith({})))
)

/** The server with its page; `links` has every link that it gave out. */
const served = Effect.fnUntraced(function* (token?: string) {
  const listening = yield* Deferred.make<string>()
  const links: Array<string> = []
  const fiber = yield* Effect.forkScoped(
    serveHttp({
      host: "127.0.0.1",
      port: 0,
      token: token === undefined ? Option.none() : Option.some(Redacted.make(token)),
      drain: "1 second",
      page: {
        doctor: Effect.succeed([{ area: "system", level: "ok", what: "fine" }]),
        switchServer: () => Effect.void,
        changeOf: () => Effect.succeed([]),
        link: (url) =>
          Effect.zipRight(
            Effect.sync(() => links.push(url)),
            Deferred.succeed(listening, url)
          )
      }
    })
  )
  const url = new URL("/", yield* Effect.raceFirst(Deferred.await(listening), Fiber.join(fiber))).origin
  return { url, links }
})

const codeOf = (link: string | undefined) => String(link).split("#login=")[1]

const ours = (url: string, more: Record<string, string> = {}) => ({
  "content-type": "application/json",
  "x-lms-bridge": "page",
  origin: url,
  ...more
})

const call = (url: string, init: RequestInit = {}) => Effect.promise(() => fetch(url, init))

const login = Effect.fnUntraced(function* (url: string, body: object) {
  const response = yield* call(`${url}/login`, { method: "POST", headers: ours(url), body: JSON.stringify(body) })
  const cookie = response.headers.get("set-cookie")
  return { status: response.status, cookie: cookie?.split(";")[0] ?? "", whole: cookie ?? "" }
})

describe("the page over HTTP", () => {
  it.scopedLive("is one text under a policy that allows exactly that text", () =>
    Effect.gen(function* () {
      const { url } = yield* served()
      const response = yield* call(`${url}/`)
      const html = yield* Effect.promise(() => response.text())
      const policy = response.headers.get("content-security-policy") ?? ""
      const hashOf = (part: string | undefined) => createHash("sha256").update(String(part)).digest("base64")
      assert.strictEqual(response.status, 200)
      assert.include(policy, `script-src 'sha256-${hashOf(/<script>([^]*)<\/script>/.exec(html)?.[1])}'`)
      assert.include(policy, `style-src 'sha256-${hashOf(/<style>([^]*?)<\/style>/.exec(html)?.[1])}'`)
      assert.match(policy, /^default-src 'none'; /)
      assert.include(policy, "frame-ancestors 'none'")
      assert.notInclude(policy, "unsafe")
      assert.strictEqual(response.headers.get("x-content-type-options"), "nosniff")
      assert.strictEqual(response.headers.get("referrer-policy"), "no-referrer")
      assert.notMatch(html, /<(?:script|link)[^>]+(?:src|href)="(?!data:)/)
      assert.strictEqual((yield* call(`${url}/`, { method: "POST" })).status, 405)
    }).pipe(Effect.provide(services))
  )

  it.scopedLive("without a token lets in by a link that works once, and gives out the next", () =>
    Effect.gen(function* () {
      const { links, url } = yield* served()
      assert.strictEqual((yield* call(`${url}/api/models`)).status, 401)
      const code = codeOf(links[0])
      const { cookie, status, whole } = yield* login(url, { code })
      assert.strictEqual(status, 200)
      assert.match(whole, /^lms_bridge_\d+=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/; Max-Age=\d+$/)
      assert.strictEqual((yield* call(`${url}/api/models`, { headers: { cookie } })).status, 200)
      assert.strictEqual((yield* login(url, { code })).status, 401)
      assert.lengthOf(links, 2)
      assert.strictEqual((yield* login(url, { code: codeOf(links[1]) })).status, 200)
      yield* call(`${url}/logout`, { method: "POST", headers: ours(url, { cookie }), body: "{}" })
      assert.strictEqual((yield* call(`${url}/api/models`, { headers: { cookie } })).status, 401)
    }).pipe(Effect.provide(services))
  )

  it.scopedLive("with a token wants the token, and waits after many wrong ones", () =>
    Effect.gen(function* () {
      const { url } = yield* served("s3cret")
      assert.strictEqual((yield* login(url, { token: "s3cret" })).status, 200)
      for (let n = 0; n < 10; n++) assert.strictEqual((yield* login(url, { token: "wrong" })).status, 401)
      assert.strictEqual((yield* login(url, { token: "s3cret" })).status, 429)
    }).pipe(Effect.provide(services))
  )

  it.scopedLive("refuses what a page of another site can send, whatever cookie comes with it", () =>
    Effect.gen(function* () {
      const { links, url } = yield* served()
      const { cookie } = yield* login(url, { code: codeOf(links[0]) })
      const body = JSON.stringify({ task: "t", servers: [] })
      const send = (headers: Record<string, string>) =>
        Effect.map(
          call(`${url}/api/runs`, { method: "POST", headers: { cookie, ...headers }, body }),
          ({ status }) => status
        )
      const { origin: _origin, ...withoutOrigin } = ours(url)
      assert.strictEqual(yield* send(ours(url, { origin: "http://evil.example" })), 403)
      assert.strictEqual(yield* send(withoutOrigin), 403)
      assert.strictEqual(yield* send(ours(url, { "content-type": "text/plain" })), 403)
      assert.strictEqual(yield* send({ "content-type": "application/json", origin: url }), 403)
      assert.strictEqual(yield* send(ours(url)), 200)
      // a name that resolves to loopback
      const rebound = yield* Effect.async<number | undefined>((resume) => {
        request(`${url}/api/models`, { headers: { cookie, host: "evil.example" } }, (response) => {
          response.resume()
          resume(Effect.succeed(response.statusCode))
        }).end()
      })
      assert.strictEqual(rebound, 403)
    }).pipe(Effect.provide(services))
  )

  it.scopedLive("answers mistakes in words: bodies, paths, methods, runs that are not there", () =>
    Effect.gen(function* () {
      const { links, url } = yield* served()
      const { cookie } = yield* login(url, { code: codeOf(links[0]) })
      const send = (path: string, body: string) =>
        Effect.flatMap(call(`${url}${path}`, { method: "POST", headers: ours(url, { cookie }), body }), (response) =>
          Effect.promise(async () => ({ status: response.status, ...((await response.json()) as object) }))
        )
      assert.containSubset(yield* send("/api/runs", `{"servers":[]}`), { status: 400, error: "InvalidInput" })
      assert.containSubset(yield* send("/api/runs", "{"), { status: 400 })
      assert.containSubset(yield* send("/api/runs/run_nobody/stop", "{}"), { status: 404, error: "RunNotFound" })
      assert.containSubset(yield* send("/api/nothing", "{}"), { status: 404 })
      assert.containSubset(yield* send("/api/models", "{}"), { status: 405 })
      assert.containSubset(yield* send("/api/runs", JSON.stringify({ task: "x".repeat(1_100_000), servers: [] })), {
        status: 413
      })
      assert.strictEqual((yield* call(`${url}/api/runs/%ff`, { headers: { cookie } })).status, 404)
    }).pipe(Effect.provide(services))
  )

  it.scopedLive(
    "tells the whole state first, then what changes; a run has its rounds, its events and its account",
    () =>
      Effect.gen(function* () {
        const { links, url } = yield* served()
        const { cookie } = yield* login(url, { code: codeOf(links[0]) })
        const stop = new AbortController()
        yield* Effect.addFinalizer(() => Effect.sync(() => stop.abort()))
        const events = yield* call(`${url}/api/events`, { headers: { cookie }, signal: stop.signal })
        assert.strictEqual(events.headers.get("content-type"), "text/event-stream")
        const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader()
        let text = ""
        const until = (wanted: RegExp) =>
          Effect.promise(async () => {
            while (!wanted.test(text)) text += (await reader?.read())?.value ?? ""
            return text
          }).pipe(Effect.timeout("5 seconds"))
        const first = yield* until(/\n\n/)
        assert.match(first, /^retry: 2000\nid: 1\nevent: snapshot\ndata: \{"version":/)
        yield* call(`${url}/api/runs`, {
          method: "POST",
          headers: ours(url, { cookie }),
          body: JSON.stringify({ task: "t", servers: ["files"] })
        })
        yield* until(/id: \d+\nevent: runs\ndata: \[\{"runId":"run_test000000000000","status":"running"/)
        yield* until(/"status":"done"/)
        const response = yield* call(`${url}/api/runs/${AgentLoopTest.testRunId}?after=3`, { headers: { cookie } })
        const run = (yield* Effect.promise(() => response.json())) as {
          readonly events: ReadonlyArray<{ readonly seq: number }>
        }
        assert.containSubset(run, {
          answer: "There is a.md.",
          line: { status: "done", here: true },
          used: { toolCalls: 1 }
        })
        assert.isTrue(run.events.every(({ seq }) => seq > 3))
      }).pipe(Effect.provide(services))
  )
})
