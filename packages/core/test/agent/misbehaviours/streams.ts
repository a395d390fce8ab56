/** Replies as they arrive over the wire, through the decoder for real ones. */
import type { ChatReply } from "#src/lmstudio/Chat.ts"
import * as ChatStream from "#src/lmstudio/ChatStream.ts"
import { decodeFrame } from "#src/lmstudio/wire/ChatWire.ts"
import { ranWith, saying, type Misbehaviour } from "./Misbehaviour.ts"

/** A chunk without choices. */
const nothing = Symbol("nothing")

/** The reply that these deltas make up; the last one has the finish reason. */
const streamed = (finishReason: string, ...deltas: ReadonlyArray<unknown>): ChatReply => {
  const chunks = [
    ...deltas.map((delta) => ({
      choices: delta === nothing ? [] : [{ index: 0, delta, finish_reason: null }]
    })),
    { choices: [{ index: 0, delta: {}, finish_reason: finishReason }] }
  ]
  const state = chunks.reduce((before, chunk) => {
    const step = ChatStream.step(
      before,
      decodeFrame({ event: "", data: JSON.stringify({ id: "c", model: "test/model", ...chunk }) }),
      0
    )
    if (step._tag !== "Next") throw new Error(step._tag)
    return step.state
  }, ChatStream.start(0))
  const last = ChatStream.complete(state, 0).at(-1)
  if (last?._tag !== "Completed") throw new Error("no reply")
  return last.reply
}

const piece = (index: number, id: string | null, name: string | null, args: string) => ({
  tool_calls: [{ index, id, type: "function", function: { name, arguments: args } }]
})

const replies = ({ events }: Parameters<Misbehaviour["check"]>[0]) =>
  events.flatMap((event) => (event._tag === "ModelReplied" ? [event.reply] : []))

const leaked: ReadonlyArray<readonly [string, string]> = [
  ["thinking whose opening tag the template gave: `… </think>answer`", "Let me think.\n</think>\n\nIt is so."],
  ["thinking in nested or doubled tags", "<think>a<think>b</think>c</think><think>d</think>It is so."],
  [
    "harmony's channels (gpt-oss)",
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>It is so.<|return|>"
  ],
  ["the channel of Gemma 4", "<|channel>thought\nHm.\n<channel|>It is so."],
  ["thinking in `[THINK]` (Magistral)", "[THINK]Hm.[/THINK]It is so."],
  [
    "an end token that leaks, and a made-up turn of the user",
    "It is so.<|im_end|>\n<|im_start|>user\nThanks!<|im_end|>"
  ]
]

const spoken =
  "The <think> tag begins a thought, `</think>` ends it:\n```jinja\n<think>\n</think><|im_end|>\n```\nSo it is."

export const streams: ReadonlyArray<Misbehaviour> = [
  {
    what: "a call in pieces, with the name empty or null in all but the first (H12)",
    does: "keeps the name, joins the arguments and runs the tool",
    world: saying(
      streamed("tool_calls", piece(0, "7", "read", '{"pa'), piece(0, "", "", 'th":"/'), piece(0, null, null, 'a"}'))
    ),
    check: ranWith({ path: "/a" })
  },
  {
    what: "pieces of two calls that come mixed",
    does: "joins them by their index; both calls run",
    world: saying(
      streamed(
        "tool_calls",
        piece(0, "7", "read", '{"path":'),
        piece(1, "8", "read", '{"path":'),
        piece(0, null, null, '"/a"}'),
        piece(1, null, null, '"/b"}')
      )
    ),
    check: ranWith({ path: "/a" }, { path: "/b" })
  },
  ...(["reasoning_content", "reasoning"] as const).map((field): Misbehaviour => ({
    what: `thinking in \`${field}\` (H14)`,
    does: "keeps it out of the answer and of the conversation",
    world: saying(streamed("stop", { [field]: "Let me " }, { [field]: "think." }, { content: "It is so." })),
    check: (played) =>
      played.outcome.answer === "It is so." &&
      replies(played)[0]?.reasoning === "Let me think." &&
      played.requests === 1
  })),
  {
    what: "thinking in the text, in `<think>` tags that the stream tears apart (H14)",
    does: "takes it out of the answer all the same",
    world: saying(
      streamed("stop", { content: "<th" }, { content: "ink>Let me think.</thi" }, { content: "nk>\n\nIt is so." })
    ),
    check: (played) =>
      played.outcome.answer.trim() === "It is so." && replies(played)[0]?.reasoning.includes("Let me think.") === true
  },
  ...leaked.map(([what, content]): Misbehaviour => ({
    what,
    does: "takes it out of the answer and of the conversation",
    world: saying(streamed("stop", ...Array.from(content, (content) => ({ content })))),
    check: (played) => played.outcome.answer.trim() === "It is so." && played.requests === 1
  })),
  {
    what: "an answer that speaks of such marks, in a sentence, between backticks or in a code block",
    does: "leaves it as it is",
    world: saying(streamed("stop", { content: spoken })),
    check: ({ outcome }) => outcome.answer === spoken
  },
  {
    what: "a call inside of the thinking, and another one outside (H10)",
    does: "runs the one outside, and takes the other for thoughts",
    world: saying(
      streamed(
        "tool_calls",
        { reasoning_content: '<tool_call>{"name": "read", "arguments": {"path": "/no"}}</tool_call>' },
        piece(0, "7", "read", '{"path":"/a"}')
      )
    ),
    check: ranWith({ path: "/a" })
  },
  {
    what: "chunks without choices in the middle of a reply",
    does: "reads over them",
    world: saying(streamed("stop", { content: "It " }, nothing, { content: "is so." })),
    check: ({ outcome, requests }) => outcome.answer === "It is so." && requests === 1
  }
]
