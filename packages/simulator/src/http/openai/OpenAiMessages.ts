/** Converts the messages and tools of `/v1/chat/completions` to the neutral prompt, with LM Studio's refusals. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { present } from "@lms-bridge/core/Json"
import * as Json from "../../internal/json.ts"
import * as ToolsCheck from "../../model/ToolsCheck.ts"
import type { Prompt, PromptMessage, PromptTool } from "../../model/SimulatedModel.ts"
import * as ErrorBody from "../ErrorBody.ts"
import type { ApiFault } from "../Reply.ts"

const Part = Schema.Struct({
  type: Schema.String,
  text: Schema.optional(Schema.String),
  image_url: Schema.optional(Schema.Unknown)
})

const Message = Schema.Struct({
  role: Schema.Literal("system", "developer", "user", "assistant", "tool"),
  content: Schema.optional(Schema.NullOr(Schema.Union(Schema.String, Schema.Array(Part)))),
  tool_calls: Schema.optional(
    Schema.NullOr(
      Schema.Array(
        Schema.Struct({
          id: Schema.NonEmptyString,
          type: Schema.optional(Schema.String),
          function: Schema.Struct({ name: Schema.NonEmptyString, arguments: Schema.String })
        })
      )
    )
  ),
  tool_call_id: Schema.optional(Schema.String)
})

const decodeMessages = Schema.decodeUnknown(Schema.NonEmptyArray(Message))

/** Converts messages; an entry that fits no format refuses the whole request, as in LM Studio. */
export const messagesOf = (body: Json.JsonObject): Effect.Effect<ReadonlyArray<PromptMessage>, ApiFault> =>
  body["messages"] === undefined
    ? ErrorBody.bare(400, "'messages' field is required")
    : decodeMessages(body["messages"]).pipe(
        Effect.mapError(() =>
          ErrorBody.bare(
            400,
            "Invalid 'messages' in payload. Please check the structure of your 'messages' and try again"
          )
        ),
        Effect.map((messages) => messages.map(toPromptMessage))
      )

/** Tools and choice; an object as choice is refused with its own text. */
export const toolsOf = (
  body: Json.JsonObject
): Effect.Effect<
  { readonly tools: ReadonlyArray<PromptTool>; readonly toolChoice: Prompt["toolChoice"] },
  ApiFault
> => {
  const choice = body["tool_choice"] ?? "auto"
  if (typeof choice !== "string") {
    return ErrorBody.bare(
      400,
      `Invalid tool_choice type: '${typeof choice}'. Supported string values: none, auto, required`
    )
  }
  const issues = ToolsCheck.issuesOf(body["tools"], ["function"])
  if (issues.length > 0) return ErrorBody.bare(400, JSON.stringify(issues, null, 2))
  const toolChoice = choice === "none" || choice === "required" ? choice : "auto"
  // with `none` the template is told of the tools all the same, as llama.cpp does it
  return Effect.succeed({ tools: Json.arrayOf(body["tools"]).flatMap(toPromptTool), toolChoice })
}

/** The schema of `response_format`, if there is one. */
export const answerSchemaOf = (body: Json.JsonObject): Effect.Effect<Json.JsonObject | undefined, ApiFault> => {
  const format = Json.objectOf(body["response_format"])
  const type = format["type"]
  if (body["response_format"] === undefined || type === "text") return Effect.succeed(undefined)
  if (type !== "json_schema") return ErrorBody.bare(400, "'response_format.type' must be 'json_schema' or 'text'")
  return Effect.succeed(Json.objectOf(Json.objectOf(format["json_schema"])["schema"]))
}

/** None for a tool without a name. */
export const promptTool = (tool: Json.JsonObject, parameters: unknown): ReadonlyArray<PromptTool> => {
  const name = Json.stringOf(tool["name"])
  const description = Json.stringOf(tool["description"]) ?? ""
  return name === undefined ? [] : [{ name, description, parameters: Json.objectOf(parameters) }]
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Of a PNG that has one. */
const titleOf = (url: unknown): string | undefined => {
  if (typeof url !== "string" || !url.startsWith("data:image/png;base64,")) return undefined
  const file = Buffer.from(url.slice(url.indexOf(",") + 1), "base64")
  const mark = "tEXtTitle\0"
  const at = file.indexOf(mark, "latin1")
  if (at < 4) return undefined
  const end = at + "tEXt".length + file.readUInt32BE(at - 4)
  return file.toString("latin1", at + mark.length, end)
}

const toPromptMessage = (message: typeof Message.Type): PromptMessage => {
  const parts =
    typeof message.content === "string" ? [{ type: "text", text: message.content }] : (message.content ?? [])
  return {
    role: message.role === "developer" ? "system" : message.role,
    text: parts.map((part) => part.text ?? "").join(""),
    images: parts.filter((part) => part.type === "image_url").length,
    words: parts.flatMap(({ image_url }) => titleOf(Json.objectOf(image_url)["url"]) ?? []),
    toolCalls: (message.tool_calls ?? []).map((call) => ({
      id: call.id,
      name: call.function.name,
      arguments: call.function.arguments
    })),
    ...present({ toolCallId: message.tool_call_id })
  }
}

const toPromptTool = (entry: unknown): ReadonlyArray<PromptTool> => {
  const tool = Json.objectOf(Json.objectOf(entry)["function"])
  return promptTool(tool, tool["parameters"])
}
