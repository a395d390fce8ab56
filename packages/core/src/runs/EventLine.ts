/** An event as one line of a journal. Lines of earlier versions are translated into today's events. */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { fromJson, stringify } from "../json/ExactJson.ts"
import { AgentEvent } from "../agent/rules/AgentEvent.ts"

/** Every field of an event is already JSON, so no schema encoding is needed. */
export const write = (event: AgentEvent): string => `${stringify(event)}\n`

/** The same for storing. Of a result too long for a line, only the text that the model was shown is kept; it says how long it was. */
export const stored = (event: AgentEvent, most: number): string => {
  const line = write(event)
  if (line.length <= most || event._tag !== "ToolCallFinished") return line
  const { artifact: _artifact, result: _result, ...told } = event
  return write(told)
}

/** Undefined for a line that is not an event, such as one truncated when the process was killed. */
export const read = (line: string): AgentEvent | undefined =>
  line === ""
    ? undefined
    : Either.getOrUndefined(Either.flatMap(decodeJson(line), (written) => decodeEvent(translated(written))))

/**
 * Earlier journals recorded in the `kind` of a note what the run did. Where the rules depend on it, it is now an event of
 * its own. Everything else is unchanged.
 */
export const translated = (written: unknown): unknown => {
  if (!isNote(written)) return written
  const { kind, toModel: _toModel, ...note } = written
  const event = ofKind.get(kind) ?? ofNamedKind(kind)
  return event === undefined ? { ...note, kind } : { ...note, ...event }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decodeJson = Schema.decodeEither(fromJson(Schema.Unknown))

const decodeEvent = Schema.decodeUnknownEither(AgentEvent)

const isNote = Schema.is(
  Schema.Struct({ _tag: Schema.Literal("Noted"), kind: Schema.String, toModel: Schema.Boolean, text: Schema.String })
)

const ofKind: ReadonlyMap<string, object> = new Map([
  ["wrap-up", { _tag: "WrapUp" }],
  ["repeat", { _tag: "RequestRepeated", why: "no-answer" }],
  ["schema-ignored", { _tag: "RequestRepeated", why: "schema-ignored" }],
  ["continue", { _tag: "AskedAgain", why: "cut" }],
  ["call-in-text", { _tag: "AskedAgain", why: "call-in-text" }],
  ["answer", { _tag: "AskedAgain", why: "answer-not-valid" }]
])

/** Kinds that end in the name of a tool or of a way to send a conversation. */
const ofNamedKind = (kind: string): object | undefined => {
  const [, what, name] = /^([a-z-]+):(.*)$/s.exec(kind) ?? []
  switch (what) {
    case "arguments":
      return { _tag: "ArgumentsAskedFor", tool: name }
    case "template":
      return { _tag: "TemplateAnswered", way: name }
    case "tool-refused":
      return { _tag: "ToolLeftOut", name }
    case "schema-unusable":
      return { _tag: "SchemaUnusable", name }
    default:
      return undefined
  }
}
