/**
 * What a client's person and model read of the server, in one place to be read aloud. The schemas of the tools are in
 * `tools/__toolsnaps__`.
 */
import { expect, it } from "@effect/vitest"
import { instructions } from "#src/About.ts"
import { prompts } from "#src/protocol/Prompts.ts"
import { listed } from "#src/protocol/Server.ts"
import { uriTemplate } from "#src/protocol/Resource.ts"
import { resources, templates } from "#src/protocol/Resources.ts"
import { allTools } from "#src/tools/Tools.ts"

const line = ({ description, title }: { readonly description: string; readonly title: string }) =>
  `${title}. ${description}`

it("what the server says of itself", async () => {
  const words = [
    instructions(["all"]),
    "",
    ...listed(allTools, false).map((tool) => `${tool.name}: ${line(tool)}`),
    "",
    ...resources.map((resource) => `${resource.uri}: ${line(resource)}`),
    ...templates.map((template) => `${uriTemplate(template)}: ${line(template)}`),
    ...prompts.flatMap((prompt) => [
      "",
      `${prompt.name}: ${line(prompt)}`,
      ...prompt.arguments.map(({ description, name }) => `  ${name}: ${description}`),
      ...prompt.render((name) => `<${name}>`).map((part) => (part.type === "text" ? part.text : part.type))
    ])
  ]
  await expect(`${words.join("\n")}\n`).toMatchFileSnapshot("__snapshots__/words.txt")
})
