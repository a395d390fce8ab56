/**
 * Requests that LM Studio refuses because of their shape, before the model sees them: the model's chat template cannot
 * turn the conversation into a prompt, or LM Studio does not accept the definition of a tool (contract J). Retrying
 * helps with neither.
 */
import * as Schema from "effect/Schema"
import { sentence } from "./words/saidByServer.ts"
import type { ErrorFacts } from "./wire/ErrorBody.ts"

/** The model's chat template refuses the conversation, or fails on it. `serverMessage` is all that LM Studio said. */
export class TemplateRefused extends Schema.TaggedError<TemplateRefused>()("TemplateRefused", {
  model: Schema.String,
  serverMessage: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return `The chat template of "${this.model}" refuses the conversation: ${sentence(templateWords(this.serverMessage))} Use another build of the model, or set another prompt template for it in LM Studio (My Models).`
  }
}

/** LM Studio does not accept the definitions of some tools. `tools` are their positions in the request, from 0. */
export class ToolsRefused extends Schema.TaggedError<ToolsRefused>()("ToolsRefused", {
  tools: Schema.NonEmptyArray(Schema.Number),
  serverMessage: Schema.String
}) {
  readonly retryable = false
  override get message() {
    const places = this.tools.map((place) => place + 1).join(", ")
    return `LM Studio does not accept the definition of tool ${places} of the request: ${sentence(issueWords(this.serverMessage))} Fix its schema, or exclude it.`
  }
}

/** Whether a text comes from a chat template, or from the engine that could not run one. */
export const isTemplateRefusal = (text: string): boolean => templates.some((pattern) => pattern.test(text))

/** The part of the text that the template itself raised; at most 300 characters. */
export const templateWords = (text: string): string => {
  const marks = [
    ...text.matchAll(/(?:Jinja Exception|TemplateError|with jinja template|chat template)\W{0,4}:\W{0,6}/gi)
  ]
  const last = marks.at(-1)
  return bare(last === undefined ? text : text.slice(last.index + last[0].length))
}

/**
 * The positions of the tools that a refusal names, from 0, each once; empty when it names none. They come as paths in a
 * list of issues, as `param`, or in a sentence.
 */
export const refusedTools = ({ message, param }: ErrorFacts): ReadonlyArray<number> => {
  const found = [param ?? "", message].flatMap((text) =>
    places.flatMap((pattern) => [...text.matchAll(pattern)].map(([, digits]) => Number(digits)))
  )
  return [...new Set(found)]
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Texts of the engines that render templates, then those that published templates raise. */
const templates = [
  /jinja|raise_exception|(?:apply|render|parse|process) (?:the )?(?:chat|prompt) template|(?:chat|prompt) template (?:error|failed|refuse)|TemplateError/i,
  /Cannot call something that is not a function|Cannot apply filter|Unknown (?:\w+Value )?(?:filter|test|operator)\b|(?:Expected|Unknown) (?:iterable type|statement type|identifier)/i,
  /Only user(?:,| and) .{0,40}roles are supported|roles must alternate|System (?:role|message|prompt)s? (?:is |are )?(?:not supported|must be)|does(?:n't| not) support (?:a )?system (?:role|message|prompt)/i,
  /After the optional system message|Conversations? must start with|(?:Unexpected|Unsupported|Unknown|Invalid) (?:message )?role\b|must start with a user (?:prompt|message)|Unexpected role '/i,
  /Not the same number of function calls and responses|Tool call IDs? should be|only supports single tool-?calls|no previous assistant message with a tool call|No user query found in messages|Cannot put tools in the first user message|Cannot pass both content and thinking/i
]

/** A position has at most four digits: nobody offers ten thousand tools. */
const places = [
  // the path of an issue, with or without the name of the list, also in JSON that is escaped within a text
  /\\*"path\\*"\s*:\s*\[(?:\s|\\+[nrt])*(?:\\*"(?:body|tools)\\*"\s*,(?:\s|\\+[nrt])*){0,2}(\d{1,4})(?:\s|\\+[nrt])*(?:\]|,(?:\s|\\+[nrt])*\\*"(?:function|type|name|description|parameters|input_schema)\\*")/g,
  /\btools['"\\]*\s*(?:\.|\[|\/|,|->)\s*(\d{1,4})\b/gi,
  /\btool (?:definition )?(?:at )?(?:index|position) #?(\d{1,4})\b/gi
]

/** The first sentence of a list of issues. */
const issueWords = (text: string): string => bare(/\\*"message\\*"\s*:\s*\\*"([^"\\]{1,300})/.exec(text)?.[1] ?? text)

/** Removes the quotes and braces that surrounded the text. */
const bare = (text: string): string => {
  const plain = text
    .replace(/(?:\\+n|\n)[\s\S]*$/, "")
    .replaceAll(/\\+(?=["'])/g, "")
    .replaceAll(/[{}[\]]/g, " ")
    .replaceAll(/\s+/g, " ")
    .replace(/^[\s"'`]+/, "")
    .replace(/(?:["'`]\.?|\s)+$/, "")
  return plain === "" ? "it gave no reason" : plain.length > 300 ? `${plain.slice(0, 300)}…` : plain
}
