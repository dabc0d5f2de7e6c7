import { Problem } from '@mediajob/contract';
import type { INestApplication } from '@nestjs/common';
import { PARAMTYPES_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { ModulesContainer } from '@nestjs/core';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';

export interface OpenApiOptions {
  title: string;
  description: string;
  version: string;
}

/** Converted in whole: the schemas that routes name, without the `$schema` that OpenAPI does not know. */
export function schemaOf(schema: z.ZodType, io: 'input' | 'output' = 'output'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'openapi-3.0', io, unrepresentable: 'any' });
  return rest;
}

/** The service's OpenAPI document, from its routes and the zod schemas they name. */
export function openApiDocument(app: INestApplication, options: OpenApiOptions): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle(options.title)
    .setDescription(options.description)
    .setVersion(options.version)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .build();
  giveParameterTypes(app);
  const document = SwaggerModule.createDocument(app, config, {
    standardSchemaConverter: (schema, { schemaType }) =>
      schema instanceof z.ZodType ? { schema: schemaOf(schema, schemaType) } : undefined,
  });
  return withProblems(document);
}

/** Serves the document at /openapi.json and for reading at /docs. */
export function serveOpenApi(app: INestApplication, options: OpenApiOptions): void {
  SwaggerModule.setup('docs', app, () => openApiDocument(app, options), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: options.title,
  });
}

/**
 * Swagger leaves out the parameters of methods without `design:paramtypes`, which only `emitDecoratorMetadata` writes,
 * and neither our compiler settings nor the tests' transformer do. The schemas say all there is to say, so any type will do.
 */
function giveParameterTypes(app: INestApplication): void {
  for (const module of app.get(ModulesContainer).values()) {
    for (const { metatype } of module.controllers.values()) {
      if (typeof metatype !== 'function') continue;
      const prototype: object = metatype.prototype;
      for (const name of Object.getOwnPropertyNames(prototype)) {
        const parameters: Record<string, { index: number; data?: unknown }> | undefined = Reflect.getMetadata(
          ROUTE_ARGS_METADATA,
          metatype,
          name,
        );
        if (parameters === undefined || Reflect.hasMetadata(PARAMTYPES_METADATA, prototype, name)) continue;
        const types: unknown[] = [];
        for (const { index, data } of Object.values(parameters)) types[index] = data === undefined ? Object : String;
        Reflect.defineMetadata(PARAMTYPES_METADATA, types, prototype, name);
      }
    }
  }
}

/** Every operation may be answered with a problem; said once for all instead of on each route. */
function withProblems(document: OpenAPIObject): OpenAPIObject {
  const schemas = { ...document.components?.schemas, Problem: schemaOf(Problem) };
  const answer = {
    description: 'An error, as RFC 9457 says; `code` is stable.',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(path)) {
      if (typeof operation === 'object' && operation !== null && 'responses' in operation) {
        (operation.responses as Record<string, unknown>).default ??= answer;
      }
    }
  }
  return { ...document, components: { ...document.components, schemas } };
}
