/** Results of tools that are of no use to a model, as they stand in the conversation. */

/** Whether a result is an error, or says that there is nothing. */
export const gaveNothing = (result: string): boolean => {
  const text = result.trim()
  if (isError(text)) return true
  if (/^\W*(?:no|none|nothing|null|undefined)\b[^\n]{0,60}$/i.test(text)) return true
  // JSON with keys and brackets alone
  return /^[[{]/.test(text) && text.length < 200 && /^[\s[\]{},]*$/.test(text.replaceAll(/"[^"]*"\s*:/g, ""))
}

/** The text of a result that its tool marks as an error. */
export const errorText = (reason: string): string => `${errorMark} ${reason}`

/** Whether a result is an error. */
export const isError = (result: string): boolean => result.startsWith(errorMark)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const errorMark = "The tool reports an error:"
