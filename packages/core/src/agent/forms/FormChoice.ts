/**
 * Which form of calls suits which model: one table. What was measured, and of which model, is in docs/decisions/0034.
 */
import type { ToolForm } from "../ToolForm.ts"

/** The form for a model, by its key, and why; `asked` wins. Undefined for a model that nobody measured. */
export const of = (
  model: string,
  asked: ToolForm | undefined
): { readonly form: ToolForm; readonly why: string } | undefined =>
  asked === undefined
    ? table.find(({ family }) => family.test(model))
    : { form: asked, why: `The task asks for the form "${asked}".` }

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Row {
  readonly family: RegExp
  readonly form: ToolForm
  readonly why: string
}

const table: ReadonlyArray<Row> = [
  {
    family: /qwen[-_.]?2\.?5.{0,12}(?:0\.5|1\.5|3)b|qwen-(?:0\.5|1\.5)b/i,
    form: "bound",
    why: "Small models of this family write calls into their text, whatever the template says."
  },
  { family: /smollm/i, form: "bound", why: "The template of this family has no place for tools." }
]
