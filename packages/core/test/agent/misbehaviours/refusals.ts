import type { AgentEventBody } from "#src/agent/rules/AgentEvent.ts"
import { RequestRejected, TemplateRefused, ToolsRefused } from "#src/lmstudio/LmStudioError.ts"
import { isAcceptable } from "#src/agent/schema/SentSchema.ts"
import { Effect } from "effect"
import { call, tool } from "../doubles.ts"
import { list, read, saying, type Misbehaviour, type Played } from "./Misbehaviour.ts"

const outputSchema = { type: "object", properties: { count: { type: "integer" } }, required: ["count"] }

const says = () => Effect.succeed("ran")

const union = {
  anyOf: [
    { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
    { type: "object", properties: { number: { type: "integer" } }, required: ["number"] }
  ]
}

const template = (serverMessage: string) => ({ fail: new TemplateRefused({ model: "m", serverMessage }) })

const once = ({ events }: Played, body: Partial<AgentEventBody>) =>
  events.filter((event) => Object.entries(body).every(([key, value]) => Reflect.get(event, key) === value)).length === 1

const rolesOf = ({ sent }: Played, request: number) => sent[request]?.messages.map(({ role }) => role).join(" ")

const inText = 'I look.\n<tool_call>\n{"name": "read", "arguments": {"path": "/a"}}\n</tool_call>'

export const refusals: ReadonlyArray<Misbehaviour> = [
  {
    what: "a tool whose schema LM Studio does not take: `{}`, no `properties`, a list of them, a union, `required: null`",
    does: "sends a form that it takes; arguments are validated against what the server lists",
    world: {
      turns: [[call("find", { number: "x" }), call("find", { number: 3 })], "done"],
      servers: {
        main: {
          find: tool(says, union),
          none: tool(says, {}),
          php: tool(says, { type: "object", properties: [], required: [] }),
          odd: tool(says, { type: ["object", "null"], properties: { a: true, b: null }, required: null })
        }
      }
    },
    check: ({ ran, sent, told }) =>
      ran.length === 1 &&
      told[0]?.includes("was not run") === true &&
      sent.every(({ tools }) => tools?.length === 4 && tools.every(({ parameters }) => isAcceptable(parameters)))
  },
  {
    what: "a tool that LM Studio refuses all the same, and names by its place",
    does: "names it to the person, leaves it out and goes on with the others",
    world: saying({ fail: new ToolsRefused({ tools: [1], serverMessage: "Required" }) }, [
      call("read", { path: "/a" })
    ]),
    check: (played) =>
      once(played, { _tag: "ToolLeftOut", name: "list" }) &&
      played.ran.length === 1 &&
      played.outcome.rounds === 2 &&
      played.sent.slice(1).every(({ tools }) => tools?.length === 1)
  },
  {
    what: "every tool refused, one after the other",
    does: "goes on without tools, after as many requests as there are tools",
    world: {
      turns: (index) => (index < 2 ? { fail: new ToolsRefused({ tools: [0], serverMessage: "No." }) } : "done"),
      servers: { main: { read, list } }
    },
    check: ({ outcome, requests, sent }) => outcome.answer === "done" && requests === 3 && sent[2]?.tools === undefined
  },
  {
    what: "a refusal of a tool that was not offered",
    does: "fails with `ToolsRefused`",
    world: saying({ fail: new ToolsRefused({ tools: [9], serverMessage: "No." }) }),
    check: ({ outcome, requests }) => outcome.problem?.tag === "ToolsRefused" && requests === 1
  },
  {
    what: "words of the run to a model that has just got the results of its calls",
    does: "puts them at the end of the last result, since many templates refuse a user there",
    world: {
      turns: (index) => (index < 3 ? [call("read", { path: "/a" })] : "done"),
      servers: { main: { read } }
    },
    check: ({ sent }) => {
      const last = sent[3]?.messages.at(-1)
      return last?.role === "tool" && last.content.includes("[Note of the run, not of the tool: You have called")
    }
  },
  {
    what: "a template without a system message (Gemma: `System role not supported`)",
    does: "puts the instructions before the task for the rest of the run, and says so",
    world: saying(template("Jinja Exception: System role not supported"), [call("read", { path: "/a" })]),
    check: (played) =>
      once(played, { _tag: "TemplateAnswered", way: "system" }) &&
      played.outcome.answer === "done" &&
      rolesOf(played, 1) === "user" &&
      rolesOf(played, 2) === "user assistant tool"
  },
  {
    what: "a template that refuses results of tools (`Conversation roles must alternate`)",
    does: "tells calls and results as text for the rest of the run, and says so",
    world: saying([call("read", { path: "/a" })], template("Conversation roles must alternate user/assistant")),
    check: (played) =>
      once(played, { _tag: "TemplateAnswered", way: "history" }) &&
      played.outcome.answer === "done" &&
      rolesOf(played, 2) === "system user assistant user" &&
      played.sent[2]?.tools?.length === 2
  },
  {
    what: "a template that breaks on tools (Gemma 4: `Cannot call something that is not a function`)",
    does: "describes the tools in the text and runs the calls that it finds there",
    world: saying(template("Cannot call something that is not a function: got UndefinedValue"), inText),
    check: (played) =>
      once(played, { _tag: "TemplateAnswered", way: "tools" }) &&
      played.ran.length === 1 &&
      played.outcome.answer === "done" &&
      played.sent.slice(1).every(({ tools }) => tools === undefined) &&
      String(played.sent[2]?.messages.at(-1)?.content).startsWith("Result of read:")
  },
  {
    what: "a template that knows two roles and no tools (older Mistral)",
    does: "finds the way by what it refuses, each step once",
    world: {
      turns: (index) => {
        const said = template("Only user and assistant roles are supported!")
        return index === 0 || index === 2 ? said : index === 1 ? [call("read", { path: "/a" })] : "done"
      },
      servers: { main: { read } }
    },
    check: (played) => played.outcome.answer === "done" && rolesOf(played, 3) === "user assistant user"
  },
  {
    what: "a template that refuses everything",
    does: "fails with `TemplateRefused` and the template's words once every way was tried, each once",
    world: { turns: () => template("Jinja Exception: I take nothing."), servers: { main: { read } } },
    check: ({ outcome, requests }) =>
      outcome.problem?.tag === "TemplateRefused" &&
      outcome.problem.message.includes("refuses the conversation: I take nothing.") &&
      requests === 3
  },
  {
    what: "a template that refuses the last request",
    does: "asks it in another way, too",
    world: {
      turns: (index) =>
        index === 0
          ? [call("read", { path: "/a" })]
          : index === 1
            ? template("After the optional system message, conversation roles must alternate")
            : "My best.",
      servers: { main: { read } }
    },
    task: { budgets: { rounds: 1, wallMillis: 60_000, toolCalls: 9 } },
    check: ({ outcome }) =>
      outcome.budget === "rounds" && outcome.answer === "My best." && outcome.problem === undefined
  },
  {
    what: "a structured answer in the reasoning, and no content (Qwen 3.5 under a schema)",
    does: "takes it when it fits the schema",
    world: saying({ reasoning: 'Three files.\n{"count": 3}' }),
    task: { outputSchema },
    check: ({ outcome, requests }) =>
      requests === 1 && outcome.answer === '{"count": 3}' && JSON.stringify(outcome.structured) === '{"count":3}'
  },
  {
    what: "arguments that were asked for by themselves, in the reasoning",
    does: "runs the tool with them",
    world: saying([call("read", {})], [call("read", {})], { reasoning: 'The path is\n{"path": "/a"}' }),
    check: ({ outcome, ran }) => outcome.answer === "done" && JSON.stringify(ran) === '[{"path":"/a"}]'
  },
  {
    what: "a schema that is ignored for the first structured request",
    does: "sends the same request again, once, without a word to the model",
    world: { turns: ["Three files.", '{"count": 3}'], servers: { main: {} } },
    task: { outputSchema },
    check: (played) =>
      once(played, { _tag: "RequestRepeated", why: "schema-ignored" }) &&
      played.outcome.status === "done" &&
      JSON.stringify(played.sent[0]) === JSON.stringify(played.sent[1])
  },
  {
    what: "a schema for the answer that LM Studio does not take",
    does: "asks without it; the answer is validated all the same",
    world: {
      turns: [
        {
          fail: new RequestRejected({
            operation: "chat",
            param: "response_format",
            serverMessage: "'response_format.json_schema' is invalid"
          })
        },
        '{"count": 3}'
      ],
      servers: { main: {} }
    },
    task: { outputSchema },
    check: ({ outcome, sent }) => outcome.status === "done" && sent[1]?.responseSchema === undefined
  }
]
