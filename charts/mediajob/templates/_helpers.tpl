{{- define "mediajob.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- /* Names of cluster-wide objects: releases of the same name in several namespaces do not meet. */ -}}
{{- define "mediajob.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "mediajob.fullname" .) -}}
{{- end }}

{{- /* A dict with root and component. */ -}}
{{- define "mediajob.selector" -}}
app.kubernetes.io/name: mediajob
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- /* A dict with root and component. */ -}}
{{- define "mediajob.labels" -}}
{{ include "mediajob.selector" . }}
app.kubernetes.io/part-of: mediajob
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Pods of Jobs, as the operator labels them (operator/src/labels.ts). */ -}}
{{- define "mediajob.runSelector" -}}
app.kubernetes.io/managed-by: mediajob-operator
app.kubernetes.io/component: run
{{- end }}

{{- /* A dict with root and image (repository, tag, digest). */ -}}
{{- define "mediajob.image" -}}
{{- $shared := .root.Values.image -}}
{{- $name := .image.repository -}}
{{- if $shared.registry -}}{{- $name = printf "%s/%s" (trimSuffix "/" $shared.registry) $name -}}{{- end -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $name .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (.image.tag | default $shared.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end }}

{{- define "mediajob.mediaClaim" -}}
{{- default (printf "%s-media" (include "mediajob.fullname" .)) .Values.persistence.media.existingClaim -}}
{{- end }}

{{- define "mediajob.modelsClaim" -}}
{{- default (printf "%s-models" (include "mediajob.fullname" .)) .Values.persistence.models.existingClaim -}}
{{- end }}

{{- define "mediajob.jobAccount" -}}
{{- printf "%s-job" (include "mediajob.fullname" .) -}}
{{- end }}

{{- /* Namespace of the operator that runs the MediaJobs of this release. */ -}}
{{- define "mediajob.operatorNamespace" -}}
{{- if .Values.operator.enabled -}}{{- .Release.Namespace -}}{{- else -}}{{- default .Release.Namespace .Values.operator.namespace -}}{{- end -}}
{{- end }}

{{- /* As JSON: the namespaces whose MediaJobs the operator runs, each once, this one first. */ -}}
{{- define "mediajob.watched" -}}
{{- $all := list .Release.Namespace -}}
{{- range .Values.tenants -}}{{- $all = append $all .namespace -}}{{- end -}}
{{- concat $all .Values.operator.watchNamespaces | uniq | toJson -}}
{{- end }}

{{- /*
"true" when MediaJobs of other namespaces are run, and may be let go also where the rights in a namespace, or all of it,
are gone.
*/ -}}
{{- define "mediajob.releasesEverywhere" -}}
{{- if and .Values.operator.releaseOnNamespaceDeletion (or .Values.operator.watchAllNamespaces (gt (len (include "mediajob.watched" . | fromJsonArray)) 1)) -}}true{{- end -}}
{{- end }}

{{- /* As JSON: this namespace and those of the tenants, each with what is made in it. */ -}}
{{- define "mediajob.places" -}}
{{- $places := list (dict "namespace" .Release.Namespace "media" (not .Values.persistence.media.existingClaim) "models" (not .Values.persistence.models.existingClaim) "pull" .Values.models.pull.enabled) -}}
{{- $root := . -}}
{{- range .Values.tenants -}}
{{- $media := .media | default dict -}}
{{- $models := .models | default dict -}}
{{- $makesMedia := and (not $root.Values.persistence.media.existingClaim) (ne (toString $media.create) "false") -}}
{{- $makesModels := and (not $root.Values.persistence.models.existingClaim) (ne (toString $models.create) "false") -}}
{{- $places = append $places (dict "namespace" .namespace "media" $makesMedia "models" $makesModels "pull" (and $root.Values.models.pull.enabled $makesModels) "mediaClaim" $media "modelsClaim" $models) -}}
{{- end -}}
{{- $places | toJson -}}
{{- end }}
