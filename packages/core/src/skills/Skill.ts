/** A skill: a folder with a SKILL.md, which says what it is for and how the work is done. */
import * as Schema from "effect/Schema"

export interface Skill {
  readonly name: string
  /** What it is for, on one line. */
  readonly description: string
  /** Its SKILL.md, absolute. */
  readonly path: string
  /** `project`: it came with the working folder, so it is used only where somebody names it. */
  readonly origin: "user" | "project"
  /** The head of the file, where it is as the specification of Agent Skills wants it. */
  readonly frontmatter: Readonly<Record<string, unknown>> | undefined
}

/** A file that cannot be read as it is, and what is done about it, in a sentence. */
export interface SkillProblem {
  readonly path: string
  readonly problem: string
}

/** No skill has this name. */
export class SkillNotFound extends Schema.TaggedError<SkillNotFound>()("SkillNotFound", {
  skill: Schema.String,
  nearest: Schema.Array(Schema.String),
  known: Schema.Int
}) {
  readonly retryable = false
  override get message() {
    const { known, nearest, skill } = this
    if (known === 0) {
      return `There is no skill "${skill}", because no folder of skills was found. A skill is a folder with a SKILL.md, as in ~/.claude/skills or ~/.agents/skills.`
    }
    const hint =
      nearest.length > 0
        ? `Did you mean ${nearest.join(" or ")}?`
        : "`lms-bridge doctor` says where skills are looked for."
    return `There is no skill "${skill}". ${hint}`
  }
}
