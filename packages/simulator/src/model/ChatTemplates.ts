/**
 * Chat templates that refuse conversations, as published ones do (contract J): because of the order of the roles, the
 * roles themselves, or tools.
 */
import type { Prompt, PromptMessage } from "./SimulatedModel.ts"

/**
 * `mistral` requires alternating user and assistant messages, and results only after their calls. `gemma` supports
 * neither system nor tool messages. `two-roles` is the older Mistral. `no-tools` fails on any offered tool.
 */
export type ChatTemplate = "mistral" | "gemma" | "two-roles" | "no-tools"

/** The error that the template raises; undefined when it can make a prompt. */
export const refusal = (template: ChatTemplate, { messages, tools }: Pick<Prompt, "messages" | "tools">) => {
  switch (template) {
    case "mistral":
      return outOfTurn(messages)
    case "gemma":
      return messages.some(({ role }) => role === "system")
        ? "System role not supported"
        : messages.some(({ role }, index) => role !== (index % 2 === 0 ? "user" : "assistant"))
          ? "Conversation roles must alternate user/assistant/user/assistant/..."
          : undefined
    case "two-roles":
      return messages.every(({ role }) => role === "user" || role === "assistant")
        ? undefined
        : "Only user and assistant roles are supported!"
    case "no-tools":
      return tools.length === 0 ? undefined : "Cannot call something that is not a function: got UndefinedValue"
  }
}

/** LM Studio's text around that of the template. */
export const wrapped = (words: string): string =>
  `Error rendering prompt with jinja template: "Jinja Exception: ${words}".\n\nThis is usually an issue with the model's prompt template. If you are using a popular model, you can try to search the model under lmstudio-community, which will have fixed prompt templates. If you cannot find one, you are welcome to post this issue to our discord or issue tracker on GitHub. Alternatively, if you know how to write jinja templates, you can override the prompt template in My Models > model settings > Prompt Template.`

/** The text as an engine of 0.4 reports it. */
export const ofEngine = (words: string): string =>
  `Engine protocol predict request returned 500: {"error":{"code":500,"message":"\\n------------\\nWhile executing CallExpression at line 62, column 28 in source:\\nError: Jinja Exception: ${words}","type":"server_error"}}`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const inTurns =
  "After the optional system message, conversation roles must alternate user and assistant roles except for tool calls and results."

const outOfTurn = ([first, ...others]: ReadonlyArray<PromptMessage>): string | undefined => {
  const messages = first?.role === "system" || first === undefined ? others : [first, ...others]
  let turns = 0
  let open: Array<string> = []
  for (const { role, toolCallId, toolCalls } of messages) {
    if (role === "system") return "Only user, assistant and tool roles are supported, got system."
    if (role === "tool") {
      if (!open.includes(toolCallId ?? "")) return "Tool results must follow the assistant message that called them."
      open = open.filter((id) => id !== toolCallId)
      continue
    }
    if (open.length > 0) return "Not the same number of function calls and responses"
    if (role === "assistant" && toolCalls.length > 0) {
      // calls may follow a user message or the results of other calls, but not come first
      if (turns === 0) return inTurns
      open = toolCalls.map(({ id }) => id)
      if (new Set(open).size < open.length) return "Tool call IDs should be unique."
      continue
    }
    if ((role === "user") !== (turns % 2 === 0)) return inTurns
    turns += 1
  }
  return open.length > 0 ? "Not the same number of function calls and responses" : undefined
}
