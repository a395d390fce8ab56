/**
 * Tasks that none of the tools can do, by their words: a small model without a tool for e-mail writes a file and says that all
 * is sent. Few kinds, because most verbs mean too many things; what is not listed is not judged.
 */
import type { AgentState } from "./AgentState.ts"

/** What is asked for that no tool on offer is named after; undefined when there is nothing of the kind. */
export const missing = ({ offered, task: { task } }: AgentState): string | undefined => {
  if (offered.length === 0) return undefined
  const names = offered.join(" ").toLowerCase()
  return effects.find(({ asked, done }) => asked.test(task) && !done.test(names))?.what
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const effects = [
  {
    what: "send anything",
    asked: /^\W*(?:please )?(?:send|e-?mail|forward|text)\b.{1,200}\b(?:to|by|via|per)\b/i,
    done: /send|mail|message|post|notify|sms|forward|publish|share|slack|reply/
  },
  {
    what: "delete files",
    asked: /^\W*(?:please )?(?:delete|erase|remove) (?:the |this )?(?:(?:file|folder|directory)\b|\S*\/\S+)/i,
    done: /delete|remove|erase|unlink|trash|\brm|shell|command|exec|bash|terminal/
  },
  {
    what: "run programs",
    asked:
      /^\W*(?:please )?(?:run|execute|start|launch|compile) (?:the |this )?(?:(?:program|script|command|tests?|build|app)\b|\S*\/\S+)/i,
    done: /run|exec|shell|command|bash|terminal|start|launch|script|process|test|build|compile|eval/
  },
  {
    what: "order, book or pay for anything",
    asked: /^\W*(?:please )?(?:buy|book|reserve|pay)\b/i,
    done: /buy|book|reserv|pay|order|purchase|cart|checkout|invoice/
  }
]
