{{- /* Generated from packages/contract by "npm run gen". */ -}}
{{- /* A dict with mediaClaim. */ -}}
{{- define "mediajob.rbac.operator.watched" -}}
- apiGroups:
    - mediajob.io
  resources:
    - mediajobs
  verbs:
    - list
    - watch
    - patch
    - delete
- apiGroups:
    - mediajob.io
  resources:
    - mediajobs/status
  verbs:
    - patch
- apiGroups:
    - batch
  resources:
    - jobs
  verbs:
    - get
    - list
    - watch
    - create
    - patch
    - delete
- apiGroups:
    - ""
  resources:
    - pods
  verbs:
    - get
    - list
    - watch
- apiGroups:
    - ""
  resources:
    - events
  verbs:
    - list
    - watch
- apiGroups:
    - events.k8s.io
  resources:
    - events
  verbs:
    - create
    - patch
- apiGroups:
    - ""
  resources:
    - persistentvolumeclaims
  resourceNames:
    - "{{ .mediaClaim }}"
  verbs:
    - get
- apiGroups:
    - ""
  resources:
    - namespaces
  verbs:
    - get
{{- end }}

{{- define "mediajob.rbac.operator.kueue" -}}
- apiGroups:
    - kueue.x-k8s.io
  resources:
    - workloads
  verbs:
    - list
    - watch
    - patch
{{- end }}

{{- /* A dict with lease, progressSecret. */ -}}
{{- define "mediajob.rbac.operator.own" -}}
- apiGroups:
    - coordination.k8s.io
  resources:
    - leases
  verbs:
    - create
- apiGroups:
    - coordination.k8s.io
  resources:
    - leases
  resourceNames:
    - "{{ .lease }}"
  verbs:
    - get
    - update
- apiGroups:
    - ""
  resources:
    - secrets
  verbs:
    - create
- apiGroups:
    - ""
  resources:
    - secrets
  resourceNames:
    - "{{ .progressSecret }}"
  verbs:
    - get
    - update
{{- end }}

{{- define "mediajob.rbac.operator.cluster" -}}
- apiGroups:
    - authentication.k8s.io
  resources:
    - tokenreviews
  verbs:
    - create
{{- end }}

{{- define "mediajob.rbac.operator.namespaceDeletion" -}}
- apiGroups:
    - mediajob.io
  resources:
    - mediajobs
  verbs:
    - list
    - watch
    - patch
- apiGroups:
    - ""
  resources:
    - namespaces
  verbs:
    - get
{{- end }}

{{- define "mediajob.rbac.release" -}}
- apiGroups:
    - mediajob.io
  resources:
    - mediajobs
  verbs:
    - list
    - patch
{{- end }}

{{- define "mediajob.rbac.main" -}}
- apiGroups:
    - mediajob.io
  resources:
    - mediajobs
  verbs:
    - get
    - list
    - watch
    - create
    - patch
    - delete
{{- end }}

{{- define "mediajob.rbac.view" -}}
- apiGroups:
    - mediajob.io
  resources:
    - mediajobs
  verbs:
    - get
    - list
    - watch
{{- end }}

{{- define "mediajob.rbac.edit" -}}
- apiGroups:
    - mediajob.io
  resources:
    - mediajobs
  verbs:
    - create
    - update
    - patch
    - delete
    - deletecollection
{{- end }}
