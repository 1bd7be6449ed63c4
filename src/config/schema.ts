import type { Kind, Option, Options } from './kind.ts';
import { OPTIONS } from './options.ts';

type Schema = { readonly [keyword: string]: unknown };

/** The JSON Schema of the file, for editors. What it cannot say, `config validate` does. */
export function configSchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'fairlead configuration',
    ...fieldsSchema(OPTIONS),
  };
}

function fieldsSchema(options: Options): Schema {
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  for (const [name, option] of Object.entries(options)) {
    if (option.refused) continue;
    properties[name] = optionSchema(option);
    if (option.required) required.push(name);
    for (const alias of option.aliases) {
      properties[alias] = { ...optionSchema(option), deprecated: true };
    }
  }
  return {
    type: 'object',
    additionalProperties: false,
    ...(required.length > 0 && { required }),
    properties,
  };
}

function optionSchema(option: Option<unknown>): Schema {
  const { fallback } = option;
  return {
    description: option.description,
    ...kindSchema(option.kind),
    ...(fallback !== undefined && { default: fallback }),
  };
}

function kindSchema({ shape }: Kind<unknown>): Schema {
  if (shape.type === 'scalar') return shape.schema;
  if (shape.type === 'list') return { type: 'array', items: kindSchema(shape.of) };
  const fields = fieldsSchema(shape.options);
  return shape.textInFile ? { anyOf: [fields, { type: 'string' }] } : fields;
}
