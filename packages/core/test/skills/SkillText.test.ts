import { assert, describe, it } from "@effect/vitest"
import * as SkillText from "#src/skills/SkillText.ts"
import { FastCheck } from "effect"

const whole =
  "---\nname: release\ndescription: Makes a release.\nlicense: MIT\nmetadata:\n  version: 2\n---\n\n# Release\n\nDo it.\n"

describe("a SKILL.md", () => {
  it("as it should be gives its name, what it is for, and its head as it is", () => {
    assert.deepStrictEqual(SkillText.read(whole, "release"), {
      name: "release",
      description: "Makes a release.",
      frontmatter: { name: "release", description: "Makes a release.", license: "MIT", metadata: { version: 2 } },
      problem: ""
    })
    assert.strictEqual(SkillText.bodyOf(whole), "# Release\n\nDo it.")
  })

  for (const [what, text, name, description, problem] of [
    [
      "Windows' lines and a mark at the beginning",
      `\uFEFF${whole.replaceAll("\n", "\r\n")}`,
      "release",
      "Makes a release.",
      /^$/
    ],
    [
      "a colon in its description",
      "---\nname: release\ndescription: Use it: always\n---\nx",
      "release",
      "Use it: always",
      /needs quotation marks/
    ],
    [
      "no head",
      "# Release\n\nMakes a release of it.\n",
      "release",
      "Makes a release of it.",
      /does not begin with a head/
    ],
    [
      "a head that is not closed",
      "---\nname: release\ndescription: Makes it.\n\n# Release",
      "release",
      "Makes it.",
      /^$/
    ],
    ["no name", "---\ndescription: Makes it.\n---\n", "release", "Makes it.", /no name, so that of the folder/],
    [
      "another name than its folder",
      "---\nname: other\ndescription: Makes it.\n---\n",
      "other",
      "Makes it.",
      /not that of its folder/
    ],
    [
      "a name with spaces",
      "---\nname: My Release\ndescription: Makes it.\n---\n",
      "My Release",
      "Makes it.",
      /small letters/
    ],
    ["nothing", "", "release", "", /no description/],
    ["a list for a head", "---\n- a\n---\nText.", "release", "Text.", /no list of names and values/],
    [
      "a description over several lines",
      "---\nname: release\ndescription: >\n  Makes\n  it.\n---\n",
      "release",
      "Makes it.",
      /^$/
    ]
  ] as const) {
    it(`with ${what} is read all the same, and says what is wrong`, () => {
      const read = SkillText.read(text, "release")
      assert.strictEqual(read.name, name)
      assert.strictEqual(read.description, description)
      assert.match(read.problem, problem)
    })
  }

  it("of any text gives one line for each, and never fails", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.string({ unit: "binary" }),
        FastCheck.constantFrom("", "---\n", "---\nname: "),
        (text, head) => {
          const { description, name } = SkillText.read(`${head}${text}`, "folder")
          assert.notInclude(`${name}${description}`, "\n")
          assert.isAtMost(description.length, 1024)
          assert.isAtMost(name.length, 64)
          SkillText.bodyOf(`${head}${text}`)
        }
      )
    )
  })
})
