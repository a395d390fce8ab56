/**
 * The forms in which models write calls into their text, one row per form. A new form is a new row: the mark that opens a
 * call, the readers of its body, and examples as the model writes them, which are its tests.
 */
import {
  argKeys,
  bareJson,
  dsml,
  functionTags,
  gemma,
  json,
  namedJson,
  nameThenJson,
  parameters,
  python
} from "./Readers.ts"
import type { Reader } from "./Readers.ts"

/**
 * `open` is a global expression that runs in linear time; its capture is the tool's name. `close` are the marks that may
 * follow the body and belong to it. Readers are tried in order.
 */
export interface Form {
  readonly family: string
  readonly open: RegExp
  readonly read: ReadonlyArray<Reader>
  readonly close: ReadonlyArray<string>
  /** The form has no mark of its own, so a text that cannot be read as this form does not count as a failed call. */
  readonly unmarked?: true
  /** Calls of `read_file` with the path `/a`. */
  readonly examples: ReadonlyArray<string>
}

const object = '{"name": "read_file", "arguments": {"path": "/a"}}'

/** In the order in which forms that begin at the same place are tried. */
export const formTable: ReadonlyArray<Form> = [
  {
    family: "Hermes, Qwen, GLM, Granite (`<tool_call>`)",
    open: /<tool_call>/g,
    read: [json, functionTags, argKeys, python],
    close: ["</tool_call>", "<|im_end|>"],
    examples: [
      `<tool_call>\n${object}\n</tool_call>`,
      `<tool_call>\n\`\`\`json\n${object}\n\`\`\`\n</tool_call>`,
      `<tool_call>${object}<|im_end|>`,
      `<tool_call>[${object}]`,
      "<tool_call>\n<function=read_file>\n<parameter=path>\n/a\n</parameter>\n</function>\n</tool_call>",
      "<tool_call>read_file\n<arg_key>path</arg_key><arg_value>/a</arg_value>\n</tool_call>"
    ]
  },
  {
    family: "Qwen3-Coder, Llama 3 (`<function=NAME>`)",
    open: /<function(?:=|\s{1,5}name=)["']?([\w.:/-]{1,100})["']?>/g,
    read: [parameters],
    close: ["</function>", "</tool_call>"],
    examples: [
      "<function=read_file>\n<parameter=path>\n/a\n</parameter>\n</function>\n</tool_call>",
      "<function=read_file>\n<parameter=path>\n/a\n</function>",
      '<function=read_file>{"path": "/a"}</function>'
    ]
  },
  {
    family: "MiniMax and others (`<invoke name=…>`)",
    open: /(?:<(?:minimax:tool_call|(?:antml:)?function_calls|tool_calls)>\s{0,20})?<(?:antml:)?invoke\s{1,5}name=["']?([\w.:/-]{1,100})["']?>/g,
    read: [parameters],
    close: ["</invoke>", "</minimax:tool_call>", "</function_calls>", "</tool_calls>"],
    examples: [
      '<minimax:tool_call>\n<invoke name="read_file">\n<parameter name="path">/a</parameter>\n</invoke>\n</minimax:tool_call>'
    ]
  },
  {
    family: "DeepSeek V3.2 (DSML)",
    open: /(?:<｜DSML｜function_calls>\s{0,20})?<｜DSML｜invoke\s{1,5}name=["']?([\w.:/-]{1,100})["']?>/g,
    read: [dsml],
    close: ["</｜DSML｜invoke>", "</｜DSML｜function_calls>"],
    examples: [
      '<｜DSML｜function_calls>\n<｜DSML｜invoke name="read_file">\n<｜DSML｜parameter name="path" string="true">/a</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>'
    ]
  },
  {
    family: "LM Studio's default (`[TOOL_REQUEST]`)",
    open: /\[TOOL_REQUEST\]/g,
    read: [json],
    close: ["[END_TOOL_REQUEST]"],
    examples: [`[TOOL_REQUEST]${object}[END_TOOL_REQUEST]`]
  },
  {
    family: "Mistral (`[TOOL_CALLS]`)",
    open: /\[TOOL_CALLS\]/g,
    read: [json, nameThenJson(/([\w.:/-]{1,100})\s{0,5}(?:\[CALL_ID\]\s{0,5}\w{1,40}\s{0,5})?(?:\[ARGS\])?/y)],
    close: ["</s>"],
    examples: [`[TOOL_CALLS][${object}]`, '[TOOL_CALLS]read_file[ARGS]{"path": "/a"}</s>']
  },
  {
    family: "LFM 2 (`<|tool_call_start|>`)",
    open: /<\|tool_call_start\|>/g,
    read: [json, python],
    close: ["<|tool_call_end|>"],
    examples: ['<|tool_call_start|>[read_file(path="/a")]<|tool_call_end|>']
  },
  {
    family: "gpt-oss (harmony: `to=functions.NAME`)",
    open: /(?:(?:<\|start\|>)?(?:assistant)?(?:\s{0,3}<\|channel\|>)?(?:commentary|analysis|assistant)\s{1,3}to=|\bto=(?=functions[.:]))((?:functions[.:])?[\w-]{1,100})(?:\s|<\|[a-z]{1,20}\|>|json|code|commentary|analysis){0,20}/g,
    read: [namedJson],
    close: ["<|call|>", "<|end|>"],
    examples: [
      '<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{"path": "/a"}<|call|>',
      '<|start|>assistant to=functions.read_file<|channel|>commentary json<|message|>{"path": "/a"}<|call|>',
      '<|channel|>analysis to=read_file code<|message|>{"path": "/a"}<|call|>',
      'commentary to=functions.read_file json {"path": "/a"}',
      'assistantcommentary to=functions.read_filejson{"path": "/a"}'
    ]
  },
  {
    family: "Llama 3.1 (`<|python_tag|>`)",
    open: /<\|python_tag\|>/g,
    read: [json, python],
    close: ["<|eom_id|>", "<|eot_id|>"],
    examples: [
      '<|python_tag|>{"name": "read_file", "parameters": {"path": "/a"}}<|eom_id|>',
      '<|python_tag|>read_file(path="/a")',
      '<|python_tag|>read_file.call(path="/a")'
    ]
  },
  {
    family: "Granite 3 (`<|tool_call|>`)",
    open: /<\|tool_call\|>/g,
    read: [json],
    close: ["<|/tool_call|>"],
    examples: [`<|tool_call|>[${object}]`]
  },
  {
    family: "Gemma 4 (`<|tool_call>`)",
    open: /<\|tool_call>/g,
    read: [gemma, json],
    close: ["<tool_call|>"],
    examples: [
      '<|tool_call>call:read_file{path:<|"|>/a<|"|>}<tool_call|>',
      '<|tool_call>call:read_file{path:"/a"}<tool_call|>'
    ]
  },
  {
    family: "FunctionGemma (`<start_function_call>`)",
    open: /<start_function_call>/g,
    read: [gemma, json],
    close: ["<end_function_call>"],
    examples: ["<start_function_call>call:read_file{path:<escape>/a<escape>}<end_function_call>"]
  },
  {
    family: "Kimi K2 (`<|tool_call_begin|>`)",
    open: /(?:<\|tool_calls_section_begin\|>\s{0,9})?<\|tool_call_begin\|>/g,
    read: [nameThenJson(/([\w.:/-]{1,100})\s{0,5}<\|tool_call_argument_begin\|>/y), json],
    close: ["<|tool_call_end|>", "<|tool_calls_section_end|>"],
    examples: [
      '<|tool_calls_section_begin|><|tool_call_begin|>functions.read_file:0<|tool_call_argument_begin|>{"path": "/a"}<|tool_call_end|><|tool_calls_section_end|>',
      '<|tool_call_begin|>functions.read_file:0<|tool_call_argument_begin|>{"path": "/a"}<|tool_call_end|>'
    ]
  },
  {
    family: "DeepSeek (`<｜tool▁call▁begin｜>`)",
    open: /(?:<｜tool▁calls▁begin｜>\s{0,9})?<｜tool▁call▁begin｜>/g,
    read: [nameThenJson(/(?:function<｜tool▁sep｜>)?([\w.:/-]{1,100})\s{0,5}(?:<｜tool▁sep｜>)?/y)],
    close: ["<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>", "<｜end▁of▁sentence｜>"],
    examples: [
      '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>read_file<｜tool▁sep｜>{"path": "/a"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
      '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>read_file\n```json\n{"path": "/a"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
    ]
  },
  {
    family: "Phi-4-mini (`functools[…]`)",
    open: /\bfunctools\s{0,5}(?=\[)/g,
    read: [json],
    close: [],
    examples: [`functools[${object}]`]
  },
  {
    family: "Command R (`<|START_ACTION|>`)",
    open: /<\|START_ACTION\|>/g,
    read: [json],
    close: ["<|END_ACTION|>"],
    examples: [
      '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "read_file", "parameters": {"path": "/a"}}]<|END_ACTION|>'
    ]
  },
  {
    family: "Qwen2.5-Coder and others (`<tools>`, `<function_call>`, `<TOOLCALL>`)",
    open: /<(?:tools|tool_calls|tool_use|tool-call|toolcall|TOOLCALL|function_calls?|functioncall)>/g,
    read: [json, functionTags, python],
    close: [
      "</tools>",
      "</tool_calls>",
      "</tool_use>",
      "</tool-call>",
      "</toolcall>",
      "</TOOLCALL>",
      "</function_call>",
      "</function_calls>",
      "</functioncall>"
    ],
    examples: [`<tools>\n${object}\n</tools>`, `<TOOLCALL>[${object}]</TOOLCALL>`]
  },
  {
    family: "Gemma 3 (a fence `tool_code`), others as code in a fence",
    open: /```(?:tool_code|tool_calls?|tool|python|py|javascript|js|typescript|ts|bash|sh|plaintext|text)?[ \t]{0,9}\r?\n/g,
    read: [python],
    close: ["```"],
    unmarked: true,
    examples: [
      '```tool_code\nread_file(path="/a")\n```',
      '```tool_code\nprint(default_api.read_file(path="/a"))\n```',
      '```javascript\nread_file({"path": "/a"})\n```'
    ]
  },
  {
    family: "Qwen2.5-Coder (JSON in a fence or bare, with sentences around it)",
    open: /(?:\[\s{0,20})?\{\s{0,20}["']?(?:name|tool_name|function|function_name|function_call|action|tool|tool_calls?|type|id|arguments|parameters|args|input)["']?\s{0,9}:/g,
    read: [bareJson],
    close: [],
    unmarked: true,
    examples: [
      object,
      '{"arguments": {"path": "/a"}, "name": "read_file"}',
      `\`\`\`json\n${object}\n\`\`\``,
      `To find out, you can use the \`read_file\` function. Here's how:\n\n\`\`\`json\n${object}\n\`\`\`\n\nThis reads the file.`
    ]
  }
]
