/** How error messages quote others. */

/**
 * LM Studio's own words, closed as a sentence, since our own follow.
 *
 * @internal
 */
export const serverSaid = (text: string | undefined) =>
  text === undefined || text === ""
    ? ""
    : ` LM Studio said: ${sentence(text.replaceAll(/(?![\n\t])\p{Cc}/gu, "\uFFFD"))}`

/**
 * A name as the user typed it, made fit for one line: without control characters, cut if it is very long.
 *
 * @internal
 */
export const shown = (name: string) => {
  const plain = name.replaceAll(/\p{Cc}/gu, "\uFFFD")
  return plain.length > 200 ? `${plain.slice(0, 200)}…` : plain
}

/** @internal */
export const sentence = (text: string) => (/[.!?…]$/.test(text) ? text : `${text}.`)
