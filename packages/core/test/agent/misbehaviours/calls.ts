import { ExactNumber } from "#src/json/ExactJson.ts"
import { call } from "../doubles.ts"
import { calling, list, ranWith, read, saying, toldInstead, type Misbehaviour } from "./Misbehaviour.ts"

const one = { path: "/a" }
const at = '{"path": "/a"}'

export const calls: ReadonlyArray<Misbehaviour> = [
  {
    what: "a call without an id",
    does: "gives it one, so that its result can be told apart",
    world: calling(at),
    check: ({ events }) => events.some((event) => event._tag === "ToolCallFinished" && event.callId === "call_1_1")
  },
  {
    what: "two calls of one reply with the same id",
    does: "gives the second another id; each has its own result",
    world: saying([call("read", { path: "/a" }, "x"), call("read", { path: "/b" }, "x")]),
    check: ({ events, ran }) =>
      ran.length === 2 &&
      new Set(events.flatMap((event) => (event._tag === "ToolCallFinished" ? [event.callId] : []))).size === 2
  },
  {
    what: "an id that was used in an earlier round",
    does: "gives the call a new one",
    world: saying([call("read", { path: "/a" }, "x")], [call("read", { path: "/b" }, "x")]),
    check: ({ events }) =>
      new Set(events.flatMap((event) => (event._tag === "ToolCallFinished" ? [event.callId] : []))).size === 2
  },
  {
    what: "a call without a name (H11)",
    does: "leaves it out of the turn and of the history; the other calls run",
    world: saying([call("", {}, ""), call("read", one)]),
    check: ranWith(one)
  },
  {
    what: 'empty arguments "" where nothing is required (H13)',
    does: "runs the tool with {}",
    world: calling("", { list }, "list"),
    check: ranWith({})
  },
  {
    what: 'empty arguments "" where something is required',
    does: "does not run the tool and names what is missing",
    world: calling(""),
    check: toldInstead("no arguments were given", '"path" is missing')
  },
  {
    what: "arguments `null`",
    does: "takes them for empty",
    world: calling("null", { list }, "list"),
    check: ranWith({})
  },
  {
    what: "arguments cut in a string (H13)",
    does: "never completes the string; tells the model what it got",
    world: calling('{"path": "/etc/pas'),
    check: toldInstead("not valid JSON", '{"path": "/etc/pas')
  },
  {
    what: "arguments cut in a number",
    does: "never completes the number",
    world: calling('{"path": "/a", "lines": 12'),
    check: toldInstead("not valid JSON")
  },
  {
    what: "a string whose end is missing before the bracket",
    does: "does not guess where it ends",
    world: calling('{"path": "/a}'),
    check: toldInstead("not valid JSON")
  },
  {
    what: "a closing bracket that is missing after a whole value",
    does: "adds it and runs the tool",
    world: calling('{"options": {"deep": true}, "path": "/a"'),
    check: ranWith({ options: { deep: true }, path: "/a" })
  },
  { what: "a closing bracket too many", does: "drops it", world: calling('{"path": "/a"}}'), check: ranWith(one) },
  { what: "trailing commas", does: "drops them", world: calling('{"path": "/a",}'), check: ranWith(one) },
  {
    what: "a missing comma",
    does: "adds it",
    world: calling('{"lines": 3 "path": "/a"}'),
    check: ranWith({ lines: 3, path: "/a" })
  },
  { what: "single quotes", does: "reads them as double ones", world: calling("{'path': '/a'}"), check: ranWith(one) },
  { what: "keys without quotes", does: "quotes them", world: calling('{path: "/a"}'), check: ranWith(one) },
  {
    what: "Python's True, False and None",
    does: "reads them as true, false and null",
    world: calling('{"path": "/a", "whole": True}'),
    check: ranWith({ path: "/a", whole: true })
  },
  {
    what: "a code fence around the arguments",
    does: "looks inside",
    world: calling('```json\n{"path": "/a"}\n```'),
    check: ranWith(one)
  },
  {
    what: "raw line breaks in a string",
    does: "keeps them as line breaks",
    world: calling('{"path": "/a\nb"}'),
    check: ranWith({ path: "/a\nb" })
  },
  {
    what: "NaN or Infinity",
    does: "does not make a number of it",
    world: calling('{"path": "/a", "lines": NaN}'),
    check: toldInstead("not valid JSON")
  },
  {
    what: "a bare word as a value",
    does: "does not guess that it is text",
    world: calling("{path: notes}"),
    check: toldInstead("not valid JSON")
  },
  {
    what: "unescaped quotes in a string",
    does: "does not guess where the string ends",
    world: calling('{"path": "say "hi" now"}'),
    check: toldInstead("not valid JSON")
  },
  {
    what: "arguments encoded twice",
    does: "decodes them twice",
    world: calling(JSON.stringify(at)),
    check: ranWith(one)
  },
  {
    what: "a list or a number in place of an object",
    does: "says that an object is needed",
    world: calling('["/a"]'),
    check: toldInstead("must be a JSON object, but are array")
  },
  {
    what: "a number as text",
    does: "makes it a number where the schema says number",
    world: calling('{"path": "/a", "lines": "3"}'),
    check: ranWith({ path: "/a", lines: 3 })
  },
  {
    what: "a number as text where text is meant",
    does: "leaves it text: only the schema decides, never the name",
    world: calling('{"path": "123"}'),
    check: ranWith({ path: "123" })
  },
  {
    what: '"true" where a boolean must stand',
    does: "makes it a boolean",
    world: calling('{"path": "true", "whole": "true"}'),
    check: ranWith({ path: "true", whole: true })
  },
  {
    what: '"yes" or 1 where a boolean must stand',
    does: "asks for a boolean",
    world: calling('{"path": "/a", "whole": "yes"}'),
    check: toldInstead("/whole", "must be boolean")
  },
  {
    what: "one value where a list must stand",
    does: "makes it a list of one",
    world: calling('{"path": "/a", "tags": "x"}'),
    check: ranWith({ path: "/a", tags: ["x"] })
  },
  {
    what: "JSON text where an object or list must stand",
    does: "parses it",
    world: calling(JSON.stringify({ path: "/a", tags: '["x","y"]', options: '{"deep":"false"}' })),
    check: ranWith({ path: "/a", tags: ["x", "y"], options: { deep: false } })
  },
  {
    what: "null for a parameter that may be left out",
    does: "leaves it out",
    world: calling('{"path": "/a", "lines": null}'),
    check: ranWith(one)
  },
  {
    what: "null for a parameter that is required",
    does: "asks for it",
    world: calling('{"path": null}'),
    check: toldInstead("/path: got null")
  },
  {
    what: "a value that is not among those allowed",
    does: "lists the allowed ones",
    world: calling('{"path": "/a", "mode": "hex"}'),
    check: toldInstead('got "hex" (string), allowed: "text", "binary"')
  },
  {
    what: "a parameter that does not exist",
    does: "lists those that do",
    world: calling('{"file": "/a"}'),
    check: toldInstead('"file" is not a parameter, allowed: path')
  },
  {
    what: "a tool that does not exist",
    does: "names the nearest ones that do",
    world: calling(at, { read_file: read }, "reed_file"),
    check: toldInstead('There is no tool "reed_file"', 'Did you mean "read_file"?')
  },
  {
    what: "backslashes that JSON does not know as escapes, as in `C:\\Users\\docs` or `\\d+`",
    does: "keeps them as text",
    world: calling(String.raw`{"path": "C:\Users\docs"}`),
    check: ranWith({ path: String.raw`C:\Users\docs` })
  },
  {
    what: "backslashes that can be read in two ways, as in `C:\\temp\\new.txt`, `\\bword` or `\\U0001F600`",
    does: "asks how they are meant",
    world: calling(String.raw`{"path": "C:\Users\docs\n.txt"}`),
    check: toldInstead("can be read in two ways")
  },
  {
    what: "a number that a double cannot hold, such as an id beyond 2^53",
    does: "passes its digits on as they were written",
    world: calling('{"path": "/a", "lines": 725653563933458432}'),
    check: ranWith({ path: "/a", lines: new ExactNumber({ text: "725653563933458432" }) })
  },
  {
    what: "an id beyond 2^53 as text where a number must stand",
    does: "makes it that number, digit by digit",
    world: calling('{"path": "/a", "lines": "725653563933458432"}'),
    check: ranWith({ path: "/a", lines: new ExactNumber({ text: "725653563933458432" }) })
  },
  {
    what: "an object where text must stand",
    does: "takes its JSON for the text",
    world: calling('{"path": {"a": 1}}'),
    check: ranWith({ path: '{"a":1}' })
  },
  {
    what: "a decimal where text must stand",
    does: "asks: 1.10 and 1.1 are one number and two texts",
    world: calling('{"path": 1.10}'),
    check: toldInstead("must be string")
  },
  {
    what: "a decorated name: `functions.read`, `read:0`, `default_api.read`, `main.read`, `main__read`, `read()`",
    does: "calls the tool that is meant",
    world: saying(
      ["functions.read", "read:0", "functions.read:1", "default_api.read", "main.read", "main__read", "read()"].map(
        (name, index) => call(name, one, `c${index}`)
      )
    ),
    check: ranWith(one, one, one, one, one, one, one)
  },
  {
    what: "the same arguments that do not fit, twice",
    does: "asks for the arguments alone, by the tool's schema as the grammar of the reply",
    world: saying([call("read", "{}")], [call("read", '{"file":"/a"}')], at),
    check: ranWith(one)
  },
  {
    what: "a tool's name in the snake_case that LM Studio shows the model (H25)",
    does: "calls the tool that is meant",
    world: calling(at, { readTextFile: read }, "read_text_file"),
    check: ranWith({ path: "/a" })
  },
  {
    what: "the same call with the same result, again and again",
    does: "says so, takes the tool away for two rounds, then asks for the answer",
    world: { turns: () => [call("read", one)], final: "What I know.", servers: { main: { read, list } } },
    check: ({ events, outcome }) =>
      outcome.status === "stalled" &&
      outcome.answer === "What I know." &&
      events.flatMap((event) => (event._tag === "Stalled" ? [event.step] : [])).join() === "nudge,withhold,end"
  },
  {
    what: "several calls in a circle",
    does: "the same, whatever the order of the calls",
    world: {
      turns: (index) => [call("read", { path: `/${index % 3}` })],
      final: "x",
      servers: { main: { read, list } }
    },
    task: { budgets: { rounds: 100, wallMillis: 60_000, toolCalls: 100 } },
    check: ({ outcome }) => outcome.status === "stalled" && outcome.rounds < 25
  },
  {
    what: "calls without end",
    does: "ends at the budget of rounds or calls with one request for the best answer, in which no tool may be called",
    world: { turns: (index) => [call("read", { path: `/${index}` })], final: "So far.", servers: { main: { read } } },
    task: { budgets: { rounds: 100, wallMillis: 60_000, toolCalls: 7 } },
    check: ({ outcome, ran }) => ran.length === 7 && outcome.budget === "tool-calls" && outcome.answer === "So far."
  },
  {
    what: "a call in the text of a reply, while it streams in",
    does: "shows nobody its marks; what is part of the answer all the same is shown at its end",
    world: {
      turns: [
        `I look.\n<tool_call>{"name": "read", "arguments": ${at}}</tool_call>`,
        "A call begins with <tool_call>\n and then its name."
      ],
      servers: { main: { read } }
    },
    check: ({ events, outcome, ran }) => {
      const shown = events.flatMap((event) => (event._tag === "TextDelta" ? [event.text] : [])).join("")
      return ran.length === 1 && shown === `I look.\n${outcome.answer}`
    }
  },
  {
    what: "calls in the last reply, where none may be made",
    does: "leaves them out of the answer",
    world: {
      turns: [[call("read", one)]],
      final: `I know a.\n<tool_call>{"name": "read", "arguments": ${at}}</tool_call>`,
      servers: { main: { read } }
    },
    task: { budgets: { rounds: 1, wallMillis: 60_000, toolCalls: 7 } },
    check: ({ outcome, ran }) => ran.length === 1 && outcome.answer === "I know a."
  }
]
