import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Fiber, Layer } from "effect"
import { type Json, start } from "../conformance/stdioDriver.ts"

class Driver extends Context.Tag("Driver")<Driver, Effect.Effect.Success<ReturnType<typeof start>>>() {
  /** One fixture for all, with a client that can be asked, and accepts with what the server proposes. */
  static readonly layer = Layer.scoped(
    this,
    Effect.tap(
      start((method, params) => (method === "elicitation/create" ? filledIn(params) : {})),
      (driver) => driver.initialize({ elicitation: {}, sampling: {}, roots: {} })
    )
  )
}

const filledIn = ({ requestedSchema }: Json): Json => {
  const { properties = {} } = requestedSchema as {
    readonly properties?: Record<string, { readonly default?: unknown }>
  }
  const content = Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, property.default ?? `my ${name}`])
  )
  return { action: "accept", content }
}

const contentOf = ({ content }: Json) => content as ReadonlyArray<Json>
const typesOf = (result: Json) => contentOf(result).map(({ type }) => type)
const textOf = (result: Json) => contentOf(result).map(({ text }) => text)
const namesIn = (list: unknown, key = "name") => (list as ReadonlyArray<Json>).map((entry) => entry[key])

layer(Driver.layer, { timeout: 60_000 })("the scenarios of the conformance suite over stdio", (it) => {
  const scenario = <E>(name: string, test: (driver: Context.Tag.Service<Driver>) => Effect.Effect<void, E>) =>
    it.effect(name, () => Effect.flatMap(Driver, test))

  scenario("answers a ping, and a method that it does not know with -32601", (driver) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* driver.request("ping"), {})
      assert.strictEqual((yield* Effect.flip(driver.request("no/such/method"))).code, -32_601)
    })
  )

  scenario("lists its tools, and calls none that is not among them", (driver) =>
    Effect.gen(function* () {
      const names = namesIn((yield* driver.request("tools/list"))["tools"])
      assert.includeMembers(names, ["test_simple_text", "test_image_content", "json_schema_2020_12_tool"])
      const refused = yield* Effect.either(driver.call("no_such_tool"))
      const code = refused._tag === "Left" ? refused.left.code : refused.right["isError"]
      assert.include([-32_602, true], code)
    })
  )

  scenario("returns text, images, sound, resources and all of them together", (driver) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(textOf(yield* driver.call("test_simple_text")), [
        "This is a simple text response for testing."
      ])
      const [image] = contentOf(yield* driver.call("test_image_content"))
      assert.deepInclude(image, { type: "image", mimeType: "image/png" })
      const [sound] = contentOf(yield* driver.call("test_audio_content"))
      assert.deepInclude(sound, { type: "audio", mimeType: "audio/wav" })
      const [embedded] = contentOf(yield* driver.call("test_embedded_resource"))
      assert.deepInclude(embedded?.["resource"], { uri: "test://embedded-resource", mimeType: "text/plain" })
      assert.deepStrictEqual(typesOf(yield* driver.call("test_multiple_content_types")), ["text", "image", "resource"])
    })
  )

  scenario("returns the error of a tool as a result", (driver) =>
    Effect.gen(function* () {
      const result = yield* driver.call("test_error_handling")
      assert.isTrue(result["isError"])
      assert.include(textOf(result)[0], "intentionally returns an error")
    })
  )

  scenario("logs from the level that was set, before the result", (driver) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* driver.request("logging/setLevel", { level: "info" }), {})
      yield* driver.call("test_tool_with_logging")
      const lines = driver.seen.filter(({ method }) => method === "notifications/message")
      const at = ["Tool execution started", "Tool processing data", "Tool execution completed"].map((text) =>
        lines.findIndex(({ params }) => JSON.stringify(params?.["data"]).includes(text))
      )
      assert.isAtLeast(at[0] ?? -1, 0)
      assert.deepStrictEqual(
        at,
        at.toSorted((a, b) => a - b)
      )
      assert.isTrue(lines.every(({ params }) => params?.["level"] === "info"))
    })
  )

  scenario("reports progress, rising and before the result, to those who ask for it", (driver) =>
    Effect.gen(function* () {
      yield* driver.call("test_tool_with_progress", {}, { progressToken: "mine" })
      const reports = driver.seen.filter(({ method, params }) => {
        return method === "notifications/progress" && params?.["progressToken"] === "mine"
      })
      const numbers = reports.map(({ params }) => Number(params?.["progress"]))
      assert.isAtLeast(numbers.length, 3)
      assert.deepStrictEqual(
        numbers,
        numbers.toSorted((a, b) => a - b)
      )
      yield* driver.call("test_tool_with_progress")
      assert.isTrue(
        driver.seen.every(
          ({ method, params }) => method !== "notifications/progress" || params?.["progressToken"] === "mine"
        )
      )
    })
  )

  scenario("asks the person, with defaults and every kind of choice", (driver) =>
    Effect.gen(function* () {
      const asked = yield* driver.call("test_elicitation", { message: "Who are you?" })
      assert.match(String(textOf(asked)[0]), /action=accept.*"username":"my username"/)
      const defaults = yield* driver.call("test_elicitation_sep1034_defaults")
      assert.match(
        String(textOf(defaults)[0]),
        /"name":"John Doe","age":30,"score":95.5,"status":"active","verified":true/
      )
      yield* driver.call("test_elicitation_sep1330_enums")
      const forms = driver.seen.filter(({ method }) => method === "elicitation/create")
      const schema = JSON.stringify(forms.map(({ params }) => params?.["requestedSchema"]))
      for (const kind of ["enumNames", "oneOf", "anyOf", '"default":95.5']) assert.include(schema, kind)
    })
  )

  scenario("lists and reads resources, and says which is not there", (driver) =>
    Effect.gen(function* () {
      const uris = namesIn((yield* driver.request("resources/list"))["resources"], "uri")
      assert.includeMembers(uris, ["test://static-text", "test://static-binary"])
      const read = (uri: string) =>
        Effect.map(driver.request("resources/read", { uri }), ({ contents }) => (contents as ReadonlyArray<Json>)[0])
      assert.deepInclude(yield* read("test://static-text"), {
        mimeType: "text/plain",
        text: "This is the content of the static text resource."
      })
      assert.isString((yield* read("test://static-binary"))?.["blob"])
      assert.strictEqual((yield* Effect.flip(read("test://nothing"))).code, -32_002)
    })
  )

  scenario("lists templates and reads by them", (driver) =>
    Effect.gen(function* () {
      const { resourceTemplates } = yield* driver.request("resources/templates/list")
      assert.deepStrictEqual(namesIn(resourceTemplates, "uriTemplate"), ["test://template/{id}/data"])
      const { contents } = yield* driver.request("resources/read", { uri: "test://template/7/data" })
      assert.include(JSON.stringify(contents), "Data for ID: 7")
    })
  )

  scenario("lets resources be subscribed to, and given up", (driver) =>
    Effect.gen(function* () {
      const watched = { uri: "test://watched-resource" }
      assert.deepStrictEqual(yield* driver.request("resources/subscribe", watched), {})
      assert.deepStrictEqual(yield* driver.request("resources/unsubscribe", watched), {})
    })
  )

  scenario("lists and renders prompts, and says what is missing", (driver) =>
    Effect.gen(function* () {
      const names = namesIn((yield* driver.request("prompts/list"))["prompts"])
      assert.includeMembers(names, ["test_simple_prompt", "test_prompt_with_image"])
      const get = (name: string, args: Json = {}) => driver.request("prompts/get", { name, arguments: args })
      assert.include(JSON.stringify(yield* get("test_simple_prompt")), "This is a simple prompt for testing.")
      const rendered = JSON.stringify(yield* get("test_prompt_with_arguments", { arg1: "one", arg2: "two" }))
      assert.include(rendered, "arg1='one', arg2='two'")
      const embedded = yield* get("test_prompt_with_embedded_resource", { resourceUri: "test://mine" })
      assert.include(JSON.stringify(embedded), '"uri":"test://mine"')
      assert.include(JSON.stringify(yield* get("test_prompt_with_image")), '"type":"image"')
      assert.strictEqual((yield* Effect.flip(get("test_prompt_with_arguments", { arg1: "one" }))).code, -32_602)
      assert.strictEqual((yield* Effect.flip(get("no_such_prompt"))).code, -32_602)
    })
  )

  scenario("completes arguments of prompts and of templates", (driver) =>
    Effect.gen(function* () {
      const complete = (ref: Json, name: string, value: string) =>
        Effect.map(driver.request("completion/complete", { ref, argument: { name, value } }), ({ completion }) => {
          return (completion as Json)["values"]
        })
      const prompt = { type: "ref/prompt", name: "test_prompt_with_arguments" }
      assert.deepStrictEqual(yield* complete(prompt, "arg1", "test"), ["test-1", "test-2"])
      const template = { type: "ref/resource", uri: "test://template/{id}/data" }
      assert.deepStrictEqual(yield* complete(template, "id", "2"), ["2"])
    })
  )

  scenario("answers no call that was cancelled, and goes on", (driver) =>
    Effect.gen(function* () {
      const { id } = yield* driver.begin("tools/call", { name: "test_tool_with_logging", arguments: {} })
      yield* driver.notify("notifications/cancelled", { requestId: id })
      // which takes longer than what was cancelled
      yield* driver.call("test_tool_with_progress")
      assert.isFalse(driver.seen.some((message) => message.id === id && message.method === undefined))
    })
  )

  scenario("survives lines that are no messages, and has written none itself", (driver) =>
    Effect.gen(function* () {
      for (const line of ["this is no JSON", "{", '{"jsonrpc":"2.0"}', "[]"]) yield* driver.line(line)
      assert.deepStrictEqual(yield* driver.request("ping"), {})
      assert.deepStrictEqual(driver.garbage, [])
    })
  )
})

describe("a separate fixture over stdio", () => {
  it.scopedLive("speaks the revision that is asked for, or the newest, and ends with its client", () =>
    Effect.gen(function* () {
      const [older, newer] = yield* Effect.all([start(), start()])
      const first = yield* older.initialize({}, "2025-03-26")
      assert.strictEqual(first["protocolVersion"], "2025-03-26")
      assert.deepInclude(first["serverInfo"], { name: "lms-bridge" })
      assert.containsAllKeys(first["capabilities"], ["tools", "resources", "prompts", "completions", "logging"])
      assert.strictEqual((yield* newer.initialize({}, "1999-01-01"))["protocolVersion"], "2025-11-25")
      // nobody can be asked here
      const asked = yield* older.call("test_elicitation", { message: "Who are you?" })
      assert.isTrue(asked["isError"])
      assert.notInclude(
        older.seen.map(({ method }) => method),
        "elicitation/create"
      )
      // in the middle of a call, too
      const call = yield* Effect.fork(newer.call("test_tool_with_logging"))
      assert.deepStrictEqual(yield* Effect.all([older.hangUp, newer.hangUp]), [0, 0])
      yield* Fiber.interrupt(call)
      assert.deepStrictEqual([...older.garbage, ...newer.garbage], [])
    })
  )
})

describe("requests that are nearly right over stdio", () => {
  it.scopedLive("are all answered, each in one sentence", () =>
    Effect.gen(function* () {
      const driver = yield* start()
      yield* driver.initialize({})
      const messages = [
        { params: null },
        { params: "x" },
        { params: { cursor: null, _meta: null } },
        { method: 5 },
        { method: "tools/call", params: { name: "x".repeat(9000) } },
        { method: "logging/setLevel", params: { level: "DEBUG" } },
        { method: "server/discover", params: {} },
        { method: "tools/call", params: { name: "test_simple_text", arguments: "{}" } },
        { method: "tools/call", params: { name: "test_simple_text", arguments: 5 } }
      ].map((message, index) => ({ jsonrpc: "2.0", id: `m${index}`, method: "tools/list", ...message }))
      for (const message of messages) yield* driver.line(JSON.stringify(message))
      yield* driver.line(JSON.stringify([{ jsonrpc: "2.0", id: "listed", method: "ping" }]))
      yield* driver.request("ping")
      // whatever takes longer than that has been answered, too
      yield* driver.call("test_tool_with_logging")
      const answers = new Map(driver.seen.filter(({ method }) => method === undefined).map((seen) => [seen.id, seen]))
      assert.containsAllKeys(Object.fromEntries(answers), [...messages.map(({ id }) => id), "listed"])
      const errors = messages.map(({ id }) => answers.get(id)?.error)
      assert.deepStrictEqual(
        errors.map((error) => error?.code),
        [undefined, -32_602, undefined, -32_600, -32_602, -32_602, -32_601, undefined, -32_602]
      )
      for (const error of errors) {
        if (error === undefined) continue
        assert.notMatch(error.message, /[\n[{]/)
        assert.isBelow(error.message.length, 2000)
      }
    })
  )
})
