import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as Http from "../conformance/httpDriver.ts"
import type { Json, RpcError } from "../conformance/jsonRpc.ts"
import * as EraClients from "./eraClients.ts"

type Play = (client: EraClients.EraClient) => Effect.Effect<void, RpcError>

const textOf = ({ content }: Json) => (content as ReadonlyArray<Json>).map(({ text }) => text).join("")
const namesIn = (list: unknown, key = "name") => (list as ReadonlyArray<Json>).map((entry) => entry[key])
const codeOf = Effect.match({ onFailure: ({ code }: RpcError) => code, onSuccess: () => 0 })

/** Looks again until it is there. */
const until = <A, E>(look: Effect.Effect<A, E>, found: (a: A) => boolean): Effect.Effect<A, E> =>
  Effect.flatMap(look, (a) => (found(a) ? Effect.succeed(a) : Effect.delay(until(look, found), "20 millis")))

/** What a server can do, each told by its words in docs/mcp.md. */
const features: Readonly<Record<string, Play>> = {
  "tools, and what is refused": Effect.fnUntraced(function* ({ ask, call, modern }) {
    const list = yield* ask("tools/list")
    assert.includeMembers(namesIn(list["tools"]), ["test_simple_text", "test_image_content"])
    assert.strictEqual(list["resultType"], modern ? "complete" : undefined)
    assert.strictEqual(textOf(yield* call("test_simple_text")), "This is a simple text response for testing.")
    assert.isTrue((yield* call("test_error_handling"))["isError"])
    assert.strictEqual(yield* codeOf(call("no_such_tool")), -32_602)
    assert.strictEqual(yield* codeOf(ask("no/such/method")), -32_601)
  }),

  "resources, prompts, completion": Effect.fnUntraced(function* ({ ask, modern }) {
    assert.include(namesIn((yield* ask("resources/list"))["resources"], "uri"), "test://static-text")
    const read = yield* ask("resources/read", { uri: "test://template/7/data" })
    assert.include(JSON.stringify(read["contents"]), "Data for ID: 7")
    const missing = yield* codeOf(ask("resources/read", { uri: "test://none" }))
    assert.strictEqual(missing, modern ? -32_602 : -32_002)
    const prompt = { name: "test_prompt_with_arguments", arguments: { arg1: "one", arg2: "two" } }
    assert.include(JSON.stringify(yield* ask("prompts/get", prompt)), "arg1='one', arg2='two'")
    const ref = { type: "ref/prompt", name: "test_prompt_with_arguments" }
    const completed = yield* ask("completion/complete", { ref, argument: { name: "arg1", value: "test" } })
    assert.deepNestedInclude(completed, { "completion.values[1]": "test-2" })
  }),

  "progress and log of a call": Effect.fnUntraced(function* ({ call, seen }) {
    yield* call("test_tool_with_progress", {}, { _meta: { progressToken: "mine" } })
    const told = seen.filter(({ method, params }) => {
      return method === "notifications/progress" && params?.["progressToken"] === "mine"
    })
    assert.isAtLeast(told.length, 3)
    yield* call("test_tool_with_logging")
    yield* until(
      Effect.sync(() => JSON.stringify(seen.filter(({ method }) => method === "notifications/message"))),
      (logged) => logged.includes("Tool execution completed")
    )
  }),

  "questions in mid-call": Effect.fnUntraced(function* ({ call, modern, seen }) {
    const result = yield* call("test_streaming_elicitation")
    assert.include(textOf(result), 'action=accept, content={"name":"my name"}')
    assert.strictEqual(
      seen.some(({ method }) => method === "elicitation/create"),
      !modern
    )
    if (modern) return
    // its own id is that of the server, which is not one of the client's
    assert.isTrue(seen.some(({ id, method }) => method === "elicitation/create" && id !== undefined))
  }),

  "changes of resources": Effect.fnUntraced(function* ({ call, follow, seen }) {
    const uri = "test://watched-resource"
    yield* follow(uri)
    // a stream takes effect when the server has it
    yield* until(
      Effect.zipRight(
        call("change_watched_resource"),
        Effect.sync(() => seen.some(({ method }) => method === "notifications/resources/updated"))
      ),
      (heard) => heard
    )
    const { params } = seen.find(({ method }) => method === "notifications/resources/updated") ?? {}
    assert.deepInclude(params, { uri })
  }),

  "a call that is given up ends": Effect.fnUntraced(function* ({ call, givenUp, revision, seen }) {
    const waits = (key: string) =>
      until(Effect.map(call("waiting_calls"), textOf), (calls) => calls.includes(`${revision} ${key}`))
    const args = { label: revision }
    const { id } = yield* givenUp("tools/call", { name: "wait_for_ever", arguments: args }, waits("began"))
    yield* waits("ended")
    assert.isFalse(seen.some((message) => message.id === id && message.method === undefined))
  }),

  tasks: Effect.fnUntraced(function* ({ ask, call, modern }) {
    const begun = yield* call("slow_compute", { seconds: 1, label: "it" }, modern ? {} : { task: {} })
    const task = modern ? begun : (begun["task"] as Json)
    const { taskId } = task
    assert.deepInclude(task, { status: "working" })
    const done = yield* until(ask("tasks/get", { taskId }), ({ status }) => status === "completed")
    const result = modern ? (done["result"] as Json) : yield* ask("tasks/result", { taskId })
    assert.strictEqual(textOf(result), "Computed it.")
    assert.strictEqual(yield* codeOf(ask("tasks/get", { taskId: "none" })), -32_602)
  }),

  skills: Effect.fnUntraced(function* ({ ask, greeting }) {
    const { extensions } = greeting["capabilities"] as { readonly extensions: Json }
    assert.property(extensions, "io.modelcontextprotocol/skills")
    assert.deepNestedInclude(yield* ask("skills/list"), { "skills[0].frontmatter.name": "test-skill" })
    const read = yield* ask("resources/read", { uri: "skill://test-skill/SKILL.md" })
    assert.deepNestedInclude(read, { "contents[0].text": "Test." })
  })
}

/** A server over HTTP speaks both revisions on one port. */
const transports = {
  "over a process": Effect.succeed(Option.none<string>()),
  "over HTTP": Effect.map(Http.serving, Option.some)
}

for (const [transport, serving] of Object.entries(transports)) {
  describe(`our server ${transport}`, { timeout: 60_000 }, () => {
    for (const revision of EraClients.revisions) {
      it.scopedLive(`plays each feature in ${revision}`, ({ task }) =>
        Effect.gen(function* () {
          const client = yield* Effect.flatMap(serving, (url) => EraClients.connect(revision, url))
          yield* Effect.forEach(Object.values(features), (play) => play(client), { concurrency: 4, discard: true })
          // for the table in docs/mcp.md: what was played, over what, as the client has seen it
          const { over, revision: seen } = client
          const played = Object.keys(features).map((feature) => ({ side: "server", feature, over, revision: seen }))
          Object.assign(task.meta, { played })
        })
      )
    }
  })
}
