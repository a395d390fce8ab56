/** What a run says about itself between its requests, in words for a person. */
import type { AgentEvent } from "../agent/rules/AgentEvent.ts"

/** `toModel`: the model is told exactly this. Undefined for events that are something else than words. */
export const of = (event: AgentEvent): { readonly text: string; readonly toModel: boolean } | undefined => {
  switch (event._tag) {
    case "AskedAgain":
    case "ArgumentsAskedFor":
    case "WrapUp":
      return { text: event.text, toModel: true }
    case "RequestRepeated":
      return { text: event.why === "no-answer" ? `asked again: ${event.text}` : event.text, toModel: false }
    case "TemplateAnswered":
    case "ToolLeftOut":
    case "SchemaUnusable":
    case "Noted":
      return { text: event.text, toModel: false }
    default:
      return undefined
  }
}

/** The same in one line. */
export const line = (event: AgentEvent): string | undefined => {
  const words = of(event)
  return words?.toModel === true ? `told the model: ${words.text}` : words?.text
}
