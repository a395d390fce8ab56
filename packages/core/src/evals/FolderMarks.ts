/**
 * The folder of a trial in the lines of its recording: written as a mark, so that a replay in another folder reads its own
 * there. Pure.
 */

/** A line of JSON with marks for the folder. */
export const marked =
  (folder: string) =>
  (line: string): string =>
    forms(folder).reduceRight((text, form, depth) => text.replaceAll(form, mark(depth)), line)

/** The same line for a replay in this folder. */
export const unmarked =
  (folder: string) =>
  (line: string): string =>
    forms(folder).reduce((text, form, depth) => text.replaceAll(mark(depth), form), line)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The path in JSON, and in JSON within strings of JSON, where a backslash is doubled each time. */
const forms = (folder: string): ReadonlyArray<string> => {
  const escaped = (text: string) => JSON.stringify(text).slice(1, -1)
  const [once, twice, thrice] = [escaped(folder), escaped(escaped(folder)), escaped(escaped(escaped(folder)))]
  return once === twice ? [once] : [once, twice, thrice]
}

const mark = (depth: number) => `<lms-bridge:trial-folder${depth === 0 ? "" : `:${depth}`}>`
