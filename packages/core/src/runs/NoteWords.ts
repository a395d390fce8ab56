/** What a run reports about itself between its requests, in words for a person. */
import type { AgentEvent } from "../agent/rules/AgentEvent.ts"

/** `toModel`: exactly this text is sent to the model. Undefined for events without such words. */
export const of = (event: AgentEvent): { readonly text: string; readonly toModel: boolean } | undefined => {
  switch (event._tag) {
    case "AskedAgain":
    case "ArgumentsAskedFor":
    case "WrapUp":
      return { text: event.text, toModel: true }
    case "RequestRepeated":
      return { text: event.why === "no-answer" ? `asked again: ${event.text}` : event.text, toModel: false }
    case "ModelGivenUp":
    case "TemplateAnswered":
    case "ToolLeftOut":
    case "SchemaUnusable":
    case "Noted":
      return { text: event.text, toModel: false }
    default:
      return undefined
  }
}

/** The same on one line. */
export const line = (event: AgentEvent): string | undefined => {
  const words = of(event)
  return words?.toModel === true ? `told the model: ${words.text}` : words?.text
}
