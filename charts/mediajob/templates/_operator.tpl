{{- define "mediajob.lease" -}}
{{- printf "%s-operator" (include "mediajob.fullname" .) -}}
{{- end }}

{{- define "mediajob.progressSecret" -}}
{{- printf "%s-progress-tls" (include "mediajob.fullname" .) -}}
{{- end }}

{{- define "mediajob.progressHost" -}}
{{- printf "%s-operator.%s.svc" (include "mediajob.fullname" .) .Release.Namespace -}}
{{- end }}

{{- /* What the chart tells the operator, by names of its own. */ -}}
{{- define "mediajob.operatorEnv" -}}
{{ include "mediajob.commonEnv" (dict "root" . "port" 8003 "metricsPort" 9103) }}
- name: MEDIAJOB_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: MEDIAJOB_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: MEDIAJOB_POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
{{- if not .Values.operator.watchAllNamespaces }}
- name: MEDIAJOB_WATCH_NAMESPACES
  value: {{ include "mediajob.watched" . | fromJsonArray | join "," }}
{{- end }}
- name: MEDIAJOB_LEADER_ELECTION
  value: "true"
- name: MEDIAJOB_LEASE
  value: {{ include "mediajob.lease" . }}
- name: MEDIAJOB_CONVERTER_IMAGE
  value: {{ include "mediajob.image" (dict "root" . "image" .Values.converter.image) }}
- name: MEDIAJOB_TRANSCRIBER_IMAGE
  value: {{ include "mediajob.image" (dict "root" . "image" .Values.transcriber.image) }}
- name: MEDIAJOB_IMAGE_PULL_POLICY
  value: {{ .Values.image.pullPolicy }}
{{- with .Values.image.pullSecrets }}
- name: MEDIAJOB_IMAGE_PULL_SECRETS
  value: {{ join "," . }}
{{- end }}
- name: MEDIAJOB_MEDIA_CLAIM
  value: {{ include "mediajob.mediaClaim" . }}
- name: MEDIAJOB_MODELS_CLAIM
  value: {{ include "mediajob.modelsClaim" . }}
- name: MEDIAJOB_JOB_SERVICE_ACCOUNT
  value: {{ include "mediajob.jobAccount" . }}
- name: MEDIAJOB_JOB_LOG_LEVEL
  value: {{ .Values.logLevel }}
- name: MEDIAJOB_PROFILES_FILE
  value: /etc/mediajob/profiles.yaml
- name: MEDIAJOB_KUEUE
  value: {{ .Values.operator.kueue | quote }}
- name: MEDIAJOB_PROGRESS_TLS
  value: {{ .Values.operator.progress.tls | quote }}
{{- if ne .Values.operator.progress.tls "off" }}
- name: MEDIAJOB_PROGRESS_PORT
  value: "8443"
- name: MEDIAJOB_PROGRESS_SECRET
  value: {{ include "mediajob.progressSecret" . }}
- name: MEDIAJOB_PROGRESS_URL
  value: https://{{ include "mediajob.progressHost" . }}:8443
{{- end }}
{{- end }}
