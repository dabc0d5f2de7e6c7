import { Content, Item, Portal, Root, Trigger } from '@radix-ui/react-dropdown-menu';
import { Icon } from './icon.tsx';

export interface MenuAction {
  readonly label: string;
  readonly onSelect: () => void;
  readonly danger?: boolean;
}

interface ActionMenuProps {
  readonly label: string;
  readonly actions: readonly MenuAction[];
}

/** The rarer actions of a thing behind three dots. Not modal: a modal menu would inject styles against the page's policy. */
export function ActionMenu({ label, actions }: ActionMenuProps) {
  if (actions.length === 0) return null;
  return (
    <Root modal={false}>
      <Trigger className="icon-button" aria-label={label}>
        <Icon name="more" />
      </Trigger>
      {/* Inside the main landmark, so that whoever goes by landmarks finds it. */}
      <Portal container={document.querySelector('main')}>
        <Content className="menu" align="end" sideOffset={4} collisionPadding={8}>
          {actions.map((action) => (
            <Item
              key={action.label}
              className={action.danger ? 'menu-item menu-item-danger' : 'menu-item'}
              onSelect={action.onSelect}
            >
              {action.label}
            </Item>
          ))}
        </Content>
      </Portal>
    </Root>
  );
}
