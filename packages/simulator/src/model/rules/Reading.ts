/** What the stand-in can say of what it was shown, without tools: a fact of a text, a word in a picture, numbers in a row. */
import type { Prompt } from "../SimulatedModel.ts"

/** Undefined where the last message asks for nothing of the kind. */
export const of = ({ messages }: Prompt): string | undefined => {
  const last = messages.at(-1)
  if (last?.role !== "user") return undefined
  const asked = last.text.slice(last.text.lastIndexOf("\n") + 1)
  if (last.images > 0 && /which word/i.test(asked)) return last.words?.at(-1) ?? "I see no word."
  const to = /write the numbers from 1 to (\d+)/i.exec(asked)?.[1]
  if (to !== undefined) return Array.from({ length: Number(to) }, (_, index) => index + 1).join(" ")
  const subject = /what is (the [^?]+)\?/i.exec(asked)?.[1]
  return subject === undefined ? undefined : fact(last.text, subject)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** "The code of the box is 12." tells what the code of the box is. */
const fact = (text: string, subject: string): string | undefined => {
  const wanted = `${subject.toLowerCase()} is `
  const line = text.split("\n").find((line) => line.toLowerCase().startsWith(wanted))
  return line?.slice(wanted.length).replace(/\.$/, "")
}
