/**
 * JSON as others write it.
 */

/**
 * The value; undefined when the text is no JSON.
 *
 * @internal
 */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
