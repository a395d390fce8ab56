/** A hundred tools of six servers, with descriptions about as long as real ones. */
import type { McpTool } from "#src/mcp/McpTool.ts"

const object = (...names: ReadonlyArray<string>): Record<string, unknown> => ({
  $schema: "http://json-schema.org/draft-07/schema#",
  type: "object",
  properties: Object.fromEntries(
    names.map((name) => [
      name,
      { type: "string", title: name, description: `The ${name.replaceAll("_", " ")} that this operation works on.` }
    ])
  ),
  required: names.slice(0, 1),
  additionalProperties: false
})

const tool = (server: string, name: string, description: string, ...parameters: ReadonlyArray<string>): McpTool => ({
  server,
  name,
  description: `${description} ${"Use this operation when the task calls for it, and look at the result before you go on. It fails with a message when something is missing. ".repeat(2)}`,
  inputSchema: object(...parameters),
  annotations: {}
})

const verbs = ["create", "get", "list", "update", "close", "merge", "delete", "search"]
const things = ["issue", "pull_request", "branch", "release", "comment", "label", "workflow", "milestone"]

export const manyTools: ReadonlyArray<McpTool> = [
  tool(
    "files",
    "read_text_file",
    "Reads the complete contents of a file from the file system as text.",
    "path",
    "head",
    "tail"
  ),
  tool("files", "write_file", "Creates a new file or overwrites an existing file with new content.", "path", "content"),
  tool("files", "list_directory", "Gets a listing of all files and directories in a path.", "path"),
  tool(
    "files",
    "search_files",
    "Searches recursively for files and directories that match a pattern.",
    "path",
    "pattern"
  ),
  tool("files", "move_file", "Moves or renames files and directories.", "source", "destination"),
  tool("files", "get_file_info", "Retrieves metadata about a file or directory.", "path"),
  tool("memory", "create_entities", "Creates new entities in the knowledge graph.", "entities"),
  tool("memory", "create_relations", "Creates relations between entities of the knowledge graph.", "relations"),
  tool("memory", "search_nodes", "Searches for nodes in the knowledge graph by a query.", "query"),
  tool("memory", "open_nodes", "Opens nodes of the knowledge graph by their names.", "names"),
  tool("memory", "read_graph", "Reads the whole knowledge graph."),
  tool("time", "get_current_time", "Gets the current time in a time zone or city.", "timezone"),
  tool("time", "convert_time", "Converts a time between time zones.", "time", "source", "target"),
  tool("web", "fetch", "Fetches a URL from the internet and extracts the page as markdown.", "url", "max_length"),
  tool("sqlite", "read_query", "Runs a SELECT query against the database.", "query"),
  tool("sqlite", "write_query", "Runs an INSERT, UPDATE or DELETE query against the database.", "query"),
  tool("sqlite", "describe_table", "Gets the schema of a table.", "table_name"),
  tool("sqlite", "list_tables", "Lists all tables of the database."),
  ...things.flatMap((thing) =>
    verbs.map((verb) =>
      tool(
        "github",
        `${verb}_${thing}`,
        `${verb[0]?.toUpperCase()}${verb.slice(1)}s a ${thing.replace("_", " ")} of a repository.`,
        "repository",
        thing,
        "title"
      )
    )
  ),
  ...Array.from({ length: 18 }, (_, n) =>
    tool("files", `archive_part_${n}`, `Handles part ${n} of an archive on the disk.`, "path", "part")
  )
]
