/**
 * Prompts for what a person would ask the assistant to do with this server.
 */
import type { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import type { McpRegistry } from "@lms-bridge/core/McpRegistry"
import { text } from "../tools/Content.ts"
import type { Prompt } from "./Resource.ts"
import { modelNames, serverNames } from "./Resources.ts"

/** One message with these lines. */
const message = (lines: ReadonlyArray<string>) => [text(lines.join("\n"))]

export const prompts: ReadonlyArray<Prompt<LmStudioApi | McpRegistry>> = [
  {
    name: "delegate_task",
    title: "Delegate a task",
    description: "Give a task to the local model with one MCP server",
    arguments: [
      { name: "task", description: "What should be done", required: true },
      { name: "mcp_name", description: "Which MCP server", required: false, complete: serverNames },
      { name: "model", description: "Which model", required: false, complete: modelNames }
    ],
    render: (argument) => {
      const server = argument("mcp_name")
      const model = argument("model")
      return message([
        `Delegate this task to the local model${model === "" ? "" : ` ${model}`} through lms-bridge: ${argument("task")}`,
        server === ""
          ? "Choose the MCP servers that it needs from list_available_mcps."
          : `Let it use the MCP server ${server}.`,
        "Write everything that the model has to know into the task: it does not see this conversation. Check its answer, and tell me what it found and what you doubt."
      ])
    }
  },
  {
    name: "review_files",
    title: "Review files locally",
    description: "Let the local model read files that should not leave the machine",
    arguments: [
      { name: "paths", description: "Files or folders, as absolute paths", required: true },
      { name: "question", description: "What to look for", required: true },
      { name: "mcp_name", description: "The server that reads files", required: false, complete: serverNames }
    ],
    render: (argument) =>
      message([
        `Do not read these yourself; let the local model read them through lms-bridge${argument("mcp_name") === "" ? "" : ` with the MCP server ${argument("mcp_name")}`}: ${argument("paths")}`,
        `The question is: ${argument("question")}`,
        "Ask it for findings with file and line, and for what it could not read. Give me the findings, and mark the doubtful ones."
      ])
  },
  {
    name: "compare_models",
    title: "Compare two models",
    description: "Ask two local models the same question and compare the answers",
    arguments: [
      { name: "prompt", description: "What to ask both", required: true },
      { name: "first", description: "A model", required: true, complete: modelNames },
      { name: "second", description: "Another model", required: true, complete: modelNames }
    ],
    render: (argument) =>
      message([
        `Ask ${argument("first")} and then ${argument("second")} with chat_completion of lms-bridge, each with this prompt and the same settings: ${argument("prompt")}`,
        "Compare what they say, how sure it is, and the tokens per second. Say which you would use for this kind of work."
      ])
  }
]
